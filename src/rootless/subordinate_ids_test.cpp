#include "rootless/subordinate_ids.h"

#include <gtest/gtest.h>

namespace skiff::rootless {
namespace {

using Words = std::vector<std::string>;

TEST(SubordinateIds, AreFoundByNameAndByNumber) {
  const char* text = "root:1:2\nana:100000:65536\n1001:200000:10\nben:300000:5\n";
  EXPECT_EQ(ranges_of(text, "ana", 1000), (std::vector<IdRange>{{100000, 65536}}));
  EXPECT_EQ(ranges_of(text, "cleo", 1001), (std::vector<IdRange>{{200000, 10}}));
  EXPECT_TRUE(ranges_of(text, "dora", 1002).empty());
}

TEST(SubordinateIds, LinesThatGrantNothingAreLeftOut) {
  const char* text = "ana:x:1\nana:1:0\nana:1\nana:4294967295:10\n\n#ana:1:1\nana:7:8:9\nana:5:6";
  EXPECT_EQ(ranges_of(text, "ana", 1000), (std::vector<IdRange>{{5, 6}}));
}

TEST(SubordinateIds, FollowTheUserItself) {
  EXPECT_EQ(map_arguments(1000, {}), (Words{"0", "1000", "1"}));
  EXPECT_EQ(map_arguments(1000, {{100000, 65536}, {500000, 10}}),
            (Words{"0", "1000", "1", "1", "100000", "65536", "65537", "500000", "10"}));
}

}  // namespace
}  // namespace skiff::rootless
