#include "runtime/restart_policy.h"

#include <gtest/gtest.h>

namespace skiff::runtime {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(RestartPolicy, DecidesByExitHandAndCount) {
  EXPECT_FALSE(wants_restart({"no"}, 1, false, 0));
  for (const char* name : {"always", "unless-stopped"}) {
    EXPECT_TRUE(wants_restart({name}, 0, false, 99)) << name;
    EXPECT_FALSE(wants_restart({name}, 0, true, 0)) << name;
  }
  EXPECT_TRUE(wants_restart({"on-failure"}, 1, false, 99));
  EXPECT_FALSE(wants_restart({"on-failure"}, 0, false, 0));
  EXPECT_FALSE(wants_restart({"on-failure"}, 1, true, 0));
  EXPECT_TRUE(wants_restart({"on-failure", 3}, 1, false, 2));
  EXPECT_FALSE(wants_restart({"on-failure", 3}, 1, false, 3));
}

TEST(RestartPolicy, WaitsLongerUntilARunWasLong) {
  RestartBackoff backoff;
  int64_t expected = 100;
  for (int i = 0; i < 10; ++i, expected *= 2) {
    EXPECT_EQ(backoff.after_run_of(seconds(9)), milliseconds(expected));
  }
  EXPECT_EQ(backoff.after_run_of(seconds(1)), milliseconds(60'000));
  EXPECT_EQ(backoff.after_run_of(seconds(1)), milliseconds(60'000));
  EXPECT_EQ(backoff.after_run_of(seconds(10)), milliseconds(100));
  EXPECT_EQ(backoff.after_run_of(seconds(1)), milliseconds(200));
}

}  // namespace
}  // namespace skiff::runtime
