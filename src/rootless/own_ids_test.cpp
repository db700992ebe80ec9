#include "rootless/own_ids.h"

#include <gtest/gtest.h>

namespace skiff::rootless {
namespace {

using Words = std::vector<std::string>;

TEST(MapArguments, FollowTheUserItself) {
  EXPECT_EQ(map_arguments(1000, {}), (Words{"0", "1000", "1"}));
  EXPECT_EQ(map_arguments(1000, {{100000, 65536}, {500000, 10}}),
            (Words{"0", "1000", "1", "1", "100000", "65536", "65537", "500000", "10"}));
}

}  // namespace
}  // namespace skiff::rootless
