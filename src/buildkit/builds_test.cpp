#include "buildkit/builds.h"

#include <gtest/gtest.h>

namespace skiff::buildkit {
namespace {

TEST(BuildsTest, WhoAsksLateStillFindsAnEndedBuild) {
  Builds builds(Clock::system());
  {
    const auto build = builds.get_new("a");
    build->begin({});
    build->progress().start("vertex");
    build->end(std::nullopt);
    build->feed().close();
    builds.keep(build);
  }
  const auto late = builds.get("a");
  EXPECT_TRUE(late->ended().cancelled());
  EXPECT_TRUE(late->feed().next());
  EXPECT_FALSE(late->feed().next());
}

TEST(BuildsTest, ANameIsUsedAgainOnceItsBuildHasEnded) {
  Builds builds(Clock::system());
  const auto asked_before = builds.get("a");
  const auto first = builds.get_new("a");
  EXPECT_EQ(first, asked_before);
  first->end(std::nullopt);
  builds.keep(first);
  const auto second = builds.get_new("a");
  EXPECT_NE(second, first);
  EXPECT_EQ(builds.get("a"), second);
}

TEST(BuildsTest, FewEndedOnesAreKept) {
  Builds builds(Clock::system());
  constexpr int kMany = 100;
  std::vector<std::weak_ptr<Build>> all;
  for (int i = 0; i < kMany; ++i) {
    const auto build = builds.get_new(std::to_string(i));
    all.emplace_back(build);
    build->end(std::nullopt);
    builds.keep(build);
  }
  EXPECT_TRUE(all.front().expired());
  EXPECT_FALSE(all.back().expired());
}

}  // namespace
}  // namespace skiff::buildkit
