#include "engine/filters.h"

#include <algorithm>
#include <cstdlib>
#include <optional>

#include "base/strings.h"

namespace skiff::engine {

namespace {

// Go's duration syntax without fractions of a unit: "300ms", "1h30m".
std::optional<std::chrono::nanoseconds> parse_go_duration(std::string_view text) {
  if (text.empty()) return std::nullopt;
  std::chrono::nanoseconds total{0};
  while (!text.empty()) {
    size_t digits = std::min(text.find_first_not_of("0123456789."), text.size());
    size_t end = std::min(text.find_first_of("0123456789.", digits), text.size());
    std::string number(text.substr(0, digits));
    std::string_view unit = text.substr(digits, end - digits);
    if (number.empty() || unit.empty()) return std::nullopt;
    double scale = unit == "h"    ? 3600e9
                   : unit == "m"  ? 60e9
                   : unit == "s"  ? 1e9
                   : unit == "ms" ? 1e6
                   : unit == "us" ? 1e3
                   : unit == "ns" ? 1
                                  : 0;
    if (scale == 0) return std::nullopt;
    total += std::chrono::nanoseconds(
        static_cast<int64_t>(std::strtod(number.c_str(), nullptr) * scale));
    text.remove_prefix(end);
  }
  return total;
}

// "1700000000" or "1700000000.123456789".
std::optional<TimePoint> parse_unix(std::string_view text) {
  auto parts = split_once(text, '.');
  auto seconds = parse_int(parts ? parts->first : text);
  if (!seconds) return std::nullopt;
  int64_t nanos = 0;
  if (parts) {
    std::string fraction(parts->second.substr(0, 9));
    fraction.resize(9, '0');
    auto parsed = parse_uint(fraction);
    if (!parsed) return std::nullopt;
    nanos = static_cast<int64_t>(*parsed);
  }
  return TimePoint(std::chrono::seconds(*seconds) + std::chrono::nanoseconds(nanos));
}

bool label_matches(std::string_view wanted, const std::map<std::string, std::string>& labels) {
  auto pair = split_once(wanted, '=');
  auto found = labels.find(std::string(pair ? pair->first : wanted));
  return found != labels.end() && (!pair || found->second == pair->second);
}

}  // namespace

const std::vector<std::string>& filter_values(const Filters& filters, const std::string& key) {
  static const std::vector<std::string> kNone;
  auto found = filters.find(key);
  return found == filters.end() ? kNone : found->second;
}

Result<> check_filters(const Filters& filters, std::initializer_list<std::string_view> known) {
  for (const auto& [key, values] : filters) {
    if (std::find(known.begin(), known.end(), key) == known.end()) {
      return Error(Code::kInvalidArgument, cat("invalid filter '", key, "'"));
    }
  }
  return {};
}

Result<bool> filter_flag(const Filters& filters, const std::string& key, bool fallback) {
  const auto& values = filter_values(filters, key);
  if (values.empty()) return fallback;
  bool yes = false;
  bool no = false;
  for (const std::string& value : values) {
    if (value == "1" || value == "true") {
      yes = true;
    } else if (value == "0" || value == "false") {
      no = true;
    } else {
      return Error(Code::kInvalidArgument, cat("invalid filter '", key, "=[", value, "]'"));
    }
  }
  if (yes && no) return Error(Code::kInvalidArgument, cat("invalid filter '", key, "'"));
  return yes;
}

bool labels_match(const Filters& filters, const std::map<std::string, std::string>& labels) {
  for (const std::string& wanted : filter_values(filters, "label")) {
    if (!label_matches(wanted, labels)) return false;
  }
  for (const std::string& unwanted : filter_values(filters, "label!")) {
    if (label_matches(unwanted, labels)) return false;
  }
  return true;
}

Result<TimePoint> parse_time_argument(std::string_view text, TimePoint now) {
  if (auto seconds = parse_unix(text)) return *seconds;
  if (auto back = parse_go_duration(text)) return now - *back;
  auto parsed = parse_rfc3339(text);
  if (parsed) return *parsed;
  // A date alone, or without a zone, is UTC.
  std::string padded(text);
  if (padded.find('T') == std::string::npos) padded += "T00:00:00";
  parsed = parse_rfc3339(padded + "Z");
  if (parsed) return *parsed;
  return Error(Code::kInvalidArgument, cat("invalid time ", skiff::quoted(text)));
}

}  // namespace skiff::engine
