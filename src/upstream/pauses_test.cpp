#include "upstream/pauses.h"

#include <gtest/gtest.h>

namespace skiff::upstream {
namespace {

TEST(PausesTest, WhatFailsIsDoneEverMoreSeldom) {
  const Result<> failure = Error(Code::kUnavailable, "the database is gone");
  Pauses pauses;
  TimePoint now{std::chrono::hours(1)};
  const TimePoint begun = now;
  int tries = 0;
  // A look every 5 s, for a day.
  for (; now < begun + std::chrono::hours(24); now += std::chrono::seconds(5)) {
    if (!pauses.over("one", now)) continue;
    ++tries;
    pauses.note("one", failure, now);
    EXPECT_TRUE(pauses.over("other", now));
  }
  EXPECT_GT(tries, 24 * 6);
  EXPECT_LT(tries, 24 * 6 + 10);
}

TEST(PausesTest, WhatGoesWellAgainPausesNoMore) {
  const Result<> failure = Error(Code::kUnavailable, "the database is gone");
  Pauses pauses;
  const TimePoint now{std::chrono::hours(1)};
  for (int i = 0; i < 5; ++i) pauses.note("one", failure, now);
  EXPECT_FALSE(pauses.over("one", now + Pauses::kFirst));
  pauses.note("one", Result<>(), now);
  EXPECT_TRUE(pauses.over("one", now));
  pauses.note("one", failure, now);
  EXPECT_TRUE(pauses.over("one", now + Pauses::kFirst));
}

}  // namespace
}  // namespace skiff::upstream
