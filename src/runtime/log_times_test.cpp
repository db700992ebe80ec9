#include "runtime/log_times.h"

#include <gtest/gtest.h>

namespace skiff::runtime {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::seconds;

const TimePoint kRead = parse_rfc3339("2026-11-24T01:02:03.5Z").value();

TEST(LogTimes, AreAsReadAndRise) {
  LogTimes times;
  times.begin(kRead);
  EXPECT_EQ(times.next(), kRead);
  EXPECT_EQ(times.next(), kRead + nanoseconds(1));
  times.begin(kRead);  // at the same time, by the clock
  EXPECT_EQ(times.next(), kRead + nanoseconds(2));
  times.begin(kRead + milliseconds(1));
  EXPECT_EQ(times.next(), kRead + milliseconds(1));
}

TEST(LogTimes, FollowAClockThatIsSetBack) {
  LogTimes times;
  times.begin(kRead);
  (void)times.next();
  times.begin(kRead - seconds(60));
  EXPECT_EQ(times.next(), kRead - seconds(60));
}

TEST(LogTimes, AreWrittenAsAnyTime) {
  for (const int64_t ns : {0L, 1L, 10L, 500'000'000L, 999'999'998L, 123'456'780L}) {
    LogTimes times;
    TimePoint time = std::chrono::floor<seconds>(kRead) + nanoseconds(ns);
    times.begin(time);
    for (int line = 0; line < 4; ++line, time += nanoseconds(1)) {
      EXPECT_EQ(times.next_text(), format_rfc3339(time));
    }
  }
}

}  // namespace
}  // namespace skiff::runtime
