#include "base/size.h"

#include <charconv>
#include <cmath>
#include <optional>

#include "base/strings.h"

namespace skiff {

namespace {

constexpr double kTooMany = 9223372036854775808.0;  // the first that no int64_t holds

std::optional<double> number_of(std::string_view text) {
  double value = 0;
  auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (ec != std::errc() || end != text.data() + text.size() || std::signbit(value)) {
    return std::nullopt;
  }
  return value;
}

// How many bytes one of `suffix`, in lower case, is.
std::optional<double> unit_of(std::string_view suffix, double kilo) {
  if (suffix.empty() || suffix == "b") return 1;
  constexpr std::string_view kLetters = "kmgtp";
  const size_t power = kLetters.find(suffix.front());
  const std::string_view rest = suffix.substr(1);
  if (power == std::string_view::npos || (!rest.empty() && rest != "b" && rest != "ib")) {
    return std::nullopt;
  }
  return std::pow(kilo, static_cast<double>(power + 1));
}

}  // namespace

Result<int64_t> parse_size(std::string_view text, SizeUnits units) {
  constexpr double kKilo = 1024;
  constexpr double kThousand = 1000;
  const Error bad(Code::kInvalidArgument, cat("invalid size: '", text, "'"));
  const size_t last = text.find_last_of("0123456789. ");
  if (last == std::string_view::npos) return bad;
  const std::string suffix = to_lower(text.substr(last + 1));
  const auto unit = unit_of(suffix, units == SizeUnits::kBinary ? kKilo : kThousand);
  if (!unit) return Error(Code::kInvalidArgument, cat("invalid suffix: '", suffix, "'"));
  const auto number = number_of(text.substr(0, text[last] == ' ' ? last : last + 1));
  if (!number || !(*number * *unit < kTooMany)) return bad;
  return static_cast<int64_t>(*number * *unit);
}

}  // namespace skiff
