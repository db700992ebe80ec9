#include "runtime/default_shields.h"

#include <gtest/gtest.h>

namespace skiff::runtime {
namespace {

TEST(DefaultShields, MaskTheThrottlesOfEachProcessor) {
  TempDir host = *TempDir::make("/tmp", "skiff-shields-");
  for (const char* name : {"cpu0/thermal_throttle", "cpu11/thermal_throttle", "cpu2/topology",
                           "cpufreq/thermal_throttle"}) {
    ASSERT_TRUE(make_directories(host.path() / name));
  }
  size_t always = default_masked_paths(host.path() / "none").size();
  EXPECT_EQ(always, 12U);
  json::Array paths = default_masked_paths(host.path());
  ASSERT_EQ(paths.size(), always + 2);
  EXPECT_EQ(paths[always].as_string(), (host.path() / "cpu0/thermal_throttle").native());
  EXPECT_EQ(paths[always + 1].as_string(), (host.path() / "cpu11/thermal_throttle").native());
}

}  // namespace
}  // namespace skiff::runtime
