#include "runtime/cgroup_conversions.h"

#include <gtest/gtest.h>

namespace skiff::runtime {
namespace {

TEST(CgroupConversions, SharesOfACpuAreAWeight) {
  // By runc 1.3.6 and crun 1.28 in the machine of tests/machine.
  for (const auto& [shares, weight] : {std::pair<int64_t, uint64_t>{1, 1},
                                       {2, 1},
                                       {1024, 100},
                                       {262'144, 10'000},
                                       {500'000, 10'000},
                                       {-1, 10'000}}) {
    EXPECT_EQ(cpu_weight(shares), weight) << shares;
  }
}

TEST(CgroupConversions, BlockIoWeightsAreStretched) {
  EXPECT_EQ(io_weight(10), 1U);
  EXPECT_EQ(io_weight(500), 4950U);
  EXPECT_EQ(io_weight(1000), 10'000U);
}

TEST(CgroupConversions, SwapIsWhatIsAboveTheMemory) {
  EXPECT_EQ(swap_alone(64, 96).value(), 32);
  EXPECT_EQ(swap_alone(64, 64).value(), 0);
  EXPECT_EQ(swap_alone(64, -1).value(), -1);
  EXPECT_EQ(swap_alone(-1, 96).value(), 96);
  EXPECT_EQ(swap_alone(-1, 0).value(), -1);
  EXPECT_EQ(swap_alone(64, 0).value(), std::nullopt);
  EXPECT_FALSE(swap_alone(0, 96));
  EXPECT_FALSE(swap_alone(64, 32));
}

}  // namespace
}  // namespace skiff::runtime
