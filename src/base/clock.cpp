#include "base/clock.h"

#include <chrono>
#include <cstdio>
#include <optional>

#include "base/strings.h"

namespace skiff {

using std::chrono::duration_cast;
using std::chrono::nanoseconds;
using std::chrono::seconds;

namespace {

class SystemClock : public Clock {
 public:
  TimePoint now() const override {
    return std::chrono::time_point_cast<nanoseconds>(std::chrono::system_clock::now());
  }
};

constexpr std::string_view kGoZeroTime = "0001-01-01T00:00:00Z";

// Not by gmtime(), which reads the file of the local time zone first.
std::string format_seconds(int64_t secs) {
  const std::chrono::sys_seconds time{seconds(secs)};
  const auto midnight = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(midnight);
  const std::chrono::hh_mm_ss clock(time - midnight);
  char buf[64];
  const int n =
      snprintf(buf, sizeof buf, "%04d-%02u-%02uT%02d:%02d:%02d", static_cast<int>(date.year()),
               static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
               static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()),
               static_cast<int>(clock.seconds().count()));
  return {buf, static_cast<size_t>(n)};
}

// Splits into whole seconds (rounded down) and the nanoseconds within.
std::pair<int64_t, int64_t> split_time(TimePoint t) {
  auto whole = std::chrono::floor<seconds>(t);
  return {whole.time_since_epoch().count(), (t - whole).count()};
}

// Reads one RFC 3339 time from the front of a text; nullopt where it is none, goes on, or
// lies outside the years that a TimePoint holds (1678 to 2261).
class TimeReader {
 public:
  explicit TimeReader(std::string_view text) : rest_(text) {}

  std::optional<TimePoint> read() {
    const int year = number(4);
    take("-");
    const int month = number(2);
    take("-");
    const int day = number(2);
    take("Tt");
    const int hour = number(2);
    take(":");
    const int minute = number(2);
    take(":");
    const int second = number(2);
    const int64_t nanos = fraction();
    const seconds offset = zone();
    const std::chrono::year_month_day date{std::chrono::year(year),
                                           std::chrono::month(static_cast<unsigned>(month)),
                                           std::chrono::day(static_cast<unsigned>(day))};
    good_ = good_ && rest_.empty() && date.ok() && hour <= 23 && minute <= 59 && second <= 60;
    if (!good_) return std::nullopt;
    const seconds whole = std::chrono::sys_days(date).time_since_epoch() +
                          seconds(hour * 3600 + minute * 60 + second) - offset;
    if (whole == kGoZero) return TimePoint{};
    if (year < 1678 || year > 2261) return std::nullopt;
    return TimePoint(whole + nanoseconds(nanos));
  }

 private:
  static constexpr seconds kGoZero{-62135596800};

  bool at_digit() const { return !rest_.empty() && rest_[0] >= '0' && rest_[0] <= '9'; }

  int number(int digits) {
    int value = 0;
    for (int i = 0; i < digits; ++i) {
      if (!at_digit()) {
        good_ = false;
        return 0;
      }
      value = value * 10 + (rest_[0] - '0');
      rest_.remove_prefix(1);
    }
    return value;
  }

  char take(std::string_view one_of) {
    if (rest_.empty() || one_of.find(rest_[0]) == std::string_view::npos) {
      good_ = false;
      return '\0';
    }
    const char taken = rest_[0];
    rest_.remove_prefix(1);
    return taken;
  }

  int64_t fraction() {
    if (!rest_.starts_with('.')) return 0;
    rest_.remove_prefix(1);
    good_ = good_ && at_digit();
    int64_t nanos = 0;
    for (int64_t unit = 100'000'000; at_digit(); unit /= 10) {
      nanos += (rest_[0] - '0') * unit;
      rest_.remove_prefix(1);
    }
    return nanos;
  }

  seconds zone() {
    const char sign = take("Zz+-");
    if (sign != '+' && sign != '-') return seconds(0);
    const int hours = number(2);
    take(":");
    const int minutes = number(2);
    good_ = good_ && hours <= 23 && minutes <= 59;
    return seconds((hours * 3600 + minutes * 60) * (sign == '-' ? -1 : 1));
  }

  std::string_view rest_;
  bool good_ = true;
};

}  // namespace

const Clock& Clock::system() {
  static const SystemClock clock;
  return clock;
}

std::string format_rfc3339_fixed(TimePoint t) {
  auto [secs, nanos] = split_time(t);
  char fraction[16];
  int n = snprintf(fraction, sizeof fraction, ".%09ldZ", static_cast<long>(nanos));
  return format_seconds(secs).append(fraction, static_cast<size_t>(n));
}

std::string format_rfc3339(TimePoint t) {
  if (t == TimePoint{}) return std::string(kGoZeroTime);
  std::string text = format_rfc3339_fixed(t);
  text.pop_back();  // Z
  while (text.back() == '0') text.pop_back();
  if (text.back() == '.') text.pop_back();
  return text.append("Z");
}

Result<TimePoint> parse_rfc3339(std::string_view text) {
  if (auto time = TimeReader(text).read()) return *time;
  return Error(Code::kInvalidArgument, cat("not an RFC 3339 time: ", quoted(text)));
}

std::string human_duration(nanoseconds length) {
  const int64_t secs = duration_cast<seconds>(length).count();
  if (secs < 1) return "Less than a second";
  if (secs == 1) return "1 second";
  if (secs < 60) return cat(secs, " seconds");
  const int64_t minutes = secs / 60;
  if (minutes == 1) return "About a minute";
  if (minutes < 60) return cat(minutes, " minutes");
  const int64_t hours = (secs + 1800) / 3600;  // rounded, as Docker does
  if (hours == 1) return "About an hour";
  if (hours < 48) return cat(hours, " hours");
  const int64_t days = hours / 24;
  if (days < 14) return cat(days, " days");
  if (days < 60) return cat(days / 7, " weeks");
  if (days < 730) return cat(days / 30, " months");
  return cat(days / 365, " years");
}

int64_t unix_seconds(TimePoint t) { return split_time(t).first; }

int64_t unix_nanos(TimePoint t) { return t.time_since_epoch().count(); }

}  // namespace skiff
