#include "net/pace.h"

#include <gtest/gtest.h>

namespace skiff::net {
namespace {

using namespace std::chrono_literals;

TEST(Pace, WithoutALimitNothingIsTooSlow) {
  Pace pace;
  EXPECT_FALSE(pace.limited());
  EXPECT_TRUE(pace.moved(10h, 0));
}

TEST(Pace, AWindowWithoutAByteIsTooLong) {
  Pace pace({.stall = 30s});
  EXPECT_TRUE(pace.moved(29s, 0));
  auto late = pace.moved(1s, 0);
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code(), Code::kDeadlineExceeded);
}

TEST(Pace, OneByteAWindowIsEnoughWhereNoRateIsAsked) {
  Pace pace({.stall = 30s});
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(pace.moved(30s, 1)) << i;
}

TEST(Pace, ADripIsTooSlowForTheRate) {
  Pace pace({.stall = 10s, .least_rate = 100});
  for (int i = 0; i < 9; ++i) EXPECT_TRUE(pace.moved(1s, 1)) << i;
  EXPECT_FALSE(pace.moved(1s, 1));
}

TEST(Pace, WhatMovedBeforeDoesNotExcuseALaterDrip) {
  Pace pace({.stall = 10s, .least_rate = 100});
  EXPECT_TRUE(pace.moved(10s, 1'000'000'000));
  EXPECT_TRUE(pace.moved(9s, 10));
  EXPECT_FALSE(pace.moved(1s, 10));
}

TEST(Pace, TimeThatIsNotSpentWaitingDoesNotCount) {
  Pace pace({.stall = 10s, .least_rate = 100});
  for (int i = 0; i < 10'000; ++i) EXPECT_TRUE(pace.moved(0s, 1)) << i;
}

TEST(Pace, LongTimesStayLongForTheSystem) {
  EXPECT_EQ(system_milliseconds(std::chrono::milliseconds(704)), 704);
  EXPECT_EQ(system_milliseconds(std::chrono::milliseconds(-1)), -1);
  // 2^32 milliseconds and 704.
  EXPECT_EQ(system_milliseconds(std::chrono::seconds(4'294'968)), INT32_MAX);
}

}  // namespace
}  // namespace skiff::net
