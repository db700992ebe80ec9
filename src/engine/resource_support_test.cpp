#include "engine/resource_support.h"

#include <gtest/gtest.h>

namespace skiff::engine {
namespace {

Resources wanted() {
  Resources r;
  r.memory = 1 << 26;
  r.memory_swap = 1 << 27;
  r.cpu_shares = 512;
  r.cpuset_cpus = "0";
  r.pids_limit = 10;
  return r;
}

TEST(ResourceSupport, RootsDaemonKeepsEveryLimit) {
  Resources r = wanted();
  EXPECT_TRUE(discard_unsupported({}, r)->empty());
  EXPECT_EQ(r.memory, 1 << 26);
}

TEST(ResourceSupport, WithoutCgroupsEachLimitIsDroppedAndTold) {
  Resources r = wanted();
  const auto told = discard_unsupported({.controllers = std::vector<std::string>()}, r);
  ASSERT_TRUE(told);
  EXPECT_EQ(told->size(), 4u);
  EXPECT_EQ(told->front(),
            "Your kernel does not support memory limit capabilities or the cgroup is not mounted. "
            "Limitation discarded.");
  EXPECT_EQ(r.memory, 0);
  EXPECT_EQ(r.memory_swap, 0);
  EXPECT_EQ(r.cpu_shares, 0);
  EXPECT_TRUE(r.cpuset_cpus.empty());
  EXPECT_FALSE(r.pids_limit);
}

TEST(ResourceSupport, DelegatedControllersAreUsed) {
  Resources r = wanted();
  const std::vector<std::string> given{"memory", "pids"};
  EXPECT_EQ(discard_unsupported({.controllers = given}, r)->size(), 2u);
  EXPECT_EQ(r.memory, 1 << 26);
  EXPECT_EQ(r.pids_limit, 10);
}

TEST(ResourceSupport, CpusAreRefusedAsDockerDoes) {
  Resources r;
  r.nano_cpus = 1'000'000'000;
  EXPECT_FALSE(discard_unsupported({.controllers = std::vector<std::string>()}, r));
}

}  // namespace
}  // namespace skiff::engine
