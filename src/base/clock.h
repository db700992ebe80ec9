// Clock: the seam through which code learns the time, so that tests can drive it;
// and the textual forms of time that the protocols use.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "base/result.h"

namespace skiff {

// A point in time: UTC, nanosecond resolution. The zero TimePoint (1970) stands for "never".
using TimePoint = std::chrono::time_point<std::chrono::system_clock, std::chrono::nanoseconds>;

// As tables have them: nanoseconds since 1970.
inline TimePoint time_at(int64_t nanoseconds) {
  return TimePoint(std::chrono::nanoseconds(nanoseconds));
}

class Clock {
 public:
  virtual ~Clock() = default;
  virtual TimePoint now() const = 0;

  // The machine's clock. Thread-safe.
  static const Clock& system();
};

// A clock that stands still until it is moved.
class ManualClock : public Clock {
 public:
  explicit ManualClock(TimePoint start = TimePoint{}) : now_(start) {}
  TimePoint now() const override { return now_; }
  void advance(std::chrono::nanoseconds by) { now_ += by; }

 private:
  TimePoint now_;
};

// RFC 3339 in UTC with up to nine digits of fraction, trailing zeros cut
// ("2026-11-24T01:02:03.5Z"), as Go prints RFC3339Nano. The zero TimePoint prints
// as Go's zero time, "0001-01-01T00:00:00Z".
std::string format_rfc3339(TimePoint t);
// The same with exactly nine digits: the prefix of `logs --timestamps`.
std::string format_rfc3339_fixed(TimePoint t);
// Accepts any RFC 3339 time with offset; Go's zero time gives the zero TimePoint.
Result<TimePoint> parse_rfc3339(std::string_view text);

// "3 minutes", "About an hour": a length of time in the words of `docker ps`.
std::string human_duration(std::chrono::nanoseconds length);

int64_t unix_seconds(TimePoint t);
int64_t unix_nanos(TimePoint t);

}  // namespace skiff
