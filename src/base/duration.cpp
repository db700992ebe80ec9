#include "base/duration.h"

#include <charconv>
#include <cmath>
#include <system_error>

namespace skiff {

namespace {

// One "1.5h" off the front, in nanoseconds; nullopt when it is none.
std::optional<double> take_unit(std::string_view& text) {
  size_t digits = text.find_first_not_of("0123456789.");
  if (digits == 0 || digits == std::string_view::npos) return std::nullopt;
  double value = 0;
  const std::string_view number = text.substr(0, digits);
  auto [end, ec] = std::from_chars(number.data(), number.data() + number.size(), value);
  if (ec != std::errc() || end != number.end()) return std::nullopt;
  text.remove_prefix(digits);
  struct Unit {
    std::string_view name;
    double nanos;
  };
  constexpr Unit kUnits[] = {{"ns", 1},  {"us", 1e3}, {"µs", 1e3},  {"ms", 1e6},
                             {"s", 1e9}, {"m", 60e9}, {"h", 3600e9}};
  for (const auto& [name, nanos] : kUnits) {
    // "m" is not the beginning of "ms".
    if (!text.starts_with(name) || (name == "m" && text.starts_with("ms"))) continue;
    text.remove_prefix(name.size());
    return value * nanos;
  }
  return std::nullopt;
}

}  // namespace

std::optional<int64_t> parse_duration(std::string_view text) {
  if (text == "0") return 0;
  if (text.empty()) return std::nullopt;
  double nanos = 0;
  while (!text.empty()) {
    auto part = take_unit(text);
    if (!part) return std::nullopt;
    nanos += *part;
  }
  constexpr double kMost = 9.2e18;  // what the nanoseconds of an int64_t can say
  if (nanos > kMost) return std::nullopt;
  return static_cast<int64_t>(std::llround(nanos));
}

}  // namespace skiff
