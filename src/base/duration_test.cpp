#include "base/duration.h"

#include <gtest/gtest.h>

namespace skiff {
namespace {

TEST(Duration, IsReadAsGoWritesIt) {
  constexpr int64_t kSecond = 1'000'000'000;
  EXPECT_EQ(parse_duration("0"), 0);
  EXPECT_EQ(parse_duration("1m30s"), 90 * kSecond);
  EXPECT_EQ(parse_duration("1.5s"), kSecond + kSecond / 2);
  EXPECT_EQ(parse_duration("250ms"), kSecond / 4);
  EXPECT_EQ(parse_duration("2h"), 7200 * kSecond);
  for (const char* bad : {"", "5", "s", "1x", "-1s", "1.2.3s", "1s5", "300000h0m99999999999h"}) {
    EXPECT_FALSE(parse_duration(bad)) << bad;
  }
}

}  // namespace
}  // namespace skiff
