// LogTimes: the times of a log's lines. Many lines are read at once; each has a nanosecond of its
// own, so that `logs --since` and `--until` can name it. Not thread-safe.
#pragma once

#include <string>
#include <string_view>

#include "base/clock.h"

namespace skiff::runtime {

class LogTimes {
 public:
  // What follows was read at `now`. A clock that is set back by more than lines take is followed.
  void begin(TimePoint now);
  // Of the next line: later than the one before.
  TimePoint next();
  // next() as format_rfc3339() writes it; valid until the next call.
  std::string_view next_text();

 private:
  TimePoint next_;
  TimePoint second_;    // of prefix_
  std::string prefix_;  // "2026-11-24T01:02:03"
  std::string text_;
};

}  // namespace skiff::runtime
