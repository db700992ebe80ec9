#include "base/clock.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "base/strings.h"

namespace skiff {
namespace {

using std::chrono::nanoseconds;

TEST(Clock, StandsStillUntilItIsMoved) {
  ManualClock clock(TimePoint(nanoseconds(5)));
  EXPECT_EQ(unix_nanos(clock.now()), 5);
  clock.advance(std::chrono::seconds(2));
  EXPECT_EQ(unix_nanos(clock.now()), 2'000'000'005);
  EXPECT_EQ(unix_seconds(clock.now()), 2);
  EXPECT_EQ(unix_seconds(TimePoint(nanoseconds(-1))), -1);
}

TEST(HumanDuration, ChangesItsUnitWhereDockerDoes) {
  using std::chrono::hours;
  using std::chrono::minutes;
  using std::chrono::seconds;
  const std::pair<nanoseconds, std::string_view> kCases[] = {
      {seconds(-5), "Less than a second"},
      {nanoseconds(999'999'999), "Less than a second"},
      {seconds(1), "1 second"},
      {seconds(59), "59 seconds"},
      {seconds(60), "About a minute"},
      {minutes(2), "2 minutes"},
      {minutes(59), "59 minutes"},
      {minutes(60), "About an hour"},
      {minutes(89), "About an hour"},
      {minutes(90), "2 hours"},
      {hours(47), "47 hours"},
      {hours(48), "2 days"},
      {hours(24 * 13), "13 days"},
      {hours(24 * 14), "2 weeks"},
      {hours(24 * 60), "2 months"},
      {hours(24 * 730), "2 years"}};
  for (const auto& [length, words] : kCases) EXPECT_EQ(human_duration(length), words);
}

TEST(Rfc3339, PrintsAsGoDoes) {
  EXPECT_EQ(format_rfc3339(TimePoint{}), "0001-01-01T00:00:00Z");
  EXPECT_EQ(format_rfc3339(TimePoint(nanoseconds(1'500'000'000))), "1970-01-01T00:00:01.5Z");
  EXPECT_EQ(format_rfc3339(TimePoint(nanoseconds(2'000'000'000))), "1970-01-01T00:00:02Z");
  EXPECT_EQ(format_rfc3339(TimePoint(nanoseconds(-1))), "1969-12-31T23:59:59.999999999Z");
  EXPECT_EQ(format_rfc3339_fixed(TimePoint(nanoseconds(1))), "1970-01-01T00:00:00.000000001Z");
}

TEST(Rfc3339, OffsetsAndFractionsCount) {
  const TimePoint expected = parse_rfc3339("2026-01-02T03:04:05.5Z").value();
  for (const char* same :
       {"2026-01-02T03:04:05.500000000Z", "2026-01-02t03:04:05.5z", "2026-01-02T05:34:05.5+02:30",
        "2026-01-01T20:04:05.5-07:00", "2026-01-02T03:04:05.5000000009Z"}) {
    EXPECT_EQ(parse_rfc3339(same).value(), expected) << same;
  }
  EXPECT_EQ(parse_rfc3339("0001-01-01T00:00:00Z").value(), TimePoint{});
  EXPECT_EQ(parse_rfc3339("0001-01-01T02:00:00+02:00").value(), TimePoint{});
  EXPECT_EQ(unix_seconds(parse_rfc3339("2024-02-29T00:00:00Z").value()), 1709164800);
}

TEST(Rfc3339, OtherTextsAreRefused) {
  for (const char* bad : {"",
                          "2026-01-02",
                          "2026-01-02T03:04:05",
                          "2026-01-02 03:04:05Z",
                          "2026-1-02T03:04:05Z",
                          "2026-13-02T03:04:05Z",
                          "2026-02-29T03:04:05Z",
                          "2026-01-32T03:04:05Z",
                          "2026-01-02T24:04:05Z",
                          "2026-01-02T03:60:05Z",
                          "2026-01-02T03:04:61Z",
                          "2026-01-02T03:04:05.Z",
                          "2026-01-02T03:04:05Z ",
                          "2026-01-02T03:04:05+1:2",
                          "2026-01-02T03:04:05+01",
                          "2026-01-02T03:04:05+24:00",
                          "+026-01-02T03:04:05Z",
                          "0000-01-01T00:00:00Z",
                          "1677-01-01T00:00:00Z",
                          "2262-12-31T00:00:00Z",
                          "9999-12-31T23:59:59Z",
                          "yesterday"}) {
    auto parsed = parse_rfc3339(bad);
    ASSERT_FALSE(parsed) << bad;
    EXPECT_EQ(parsed.error().message(), cat("not an RFC 3339 time: ", quoted(bad)));
  }
}

RC_GTEST_PROP(Rfc3339, ParsesWhatItPrints, ()) {
  const auto earliest = -9'200'000'000'000'000'000;
  const TimePoint t(nanoseconds(*rc::gen::inRange<int64_t>(earliest, -earliest)));
  RC_ASSERT(parse_rfc3339(format_rfc3339(t)).value() == t);
  RC_ASSERT(parse_rfc3339(format_rfc3339_fixed(t)).value() == t);
}

}  // namespace
}  // namespace skiff
