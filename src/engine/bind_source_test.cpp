#include "engine/bind_source.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdio.h>
#include <sys/stat.h>

#include <atomic>
#include <thread>

namespace skiff::engine {
namespace {

class BindSource : public testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "only root gives files away";
  }
  static std::pair<uid_t, gid_t> owner(const Path& path) {
    struct stat st{};
    EXPECT_EQ(::lstat(path.c_str(), &st), 0) << path;
    return {st.st_uid, st.st_gid};
  }

  TempDir dir_ = *TempDir::make("/tmp", "skiff-bind-source-");
  const sys::IdMaps maps_{.uids = {{0, 100'000, 65'536}}, .gids = {{0, 200'000, 65'536}}};
};

TEST_F(BindSource, WhatIsMissingIsMadeAndIsTheContainersRoots) {
  std::filesystem::create_directories(dir_.path() / "there");
  std::filesystem::create_directory_symlink("there", dir_.path() / "link");
  ASSERT_TRUE(make_bind_source(dir_.path() / "link/a/b/", maps_));
  EXPECT_EQ(owner(dir_.path() / "there"), std::pair(0U, 0U));
  EXPECT_EQ(owner(dir_.path() / "there/a"), std::pair(100'000U, 200'000U));
  EXPECT_EQ(owner(dir_.path() / "there/a/b"), std::pair(100'000U, 200'000U));
  ASSERT_TRUE(make_bind_source(dir_.path() / "plain/x", std::nullopt));
  EXPECT_EQ(owner(dir_.path() / "plain/x"), std::pair(0U, 0U));
  ASSERT_TRUE(write_file(dir_.path() / "file", "x"));
  EXPECT_TRUE(make_bind_source(dir_.path() / "file", maps_));
  EXPECT_EQ(owner(dir_.path() / "file"), std::pair(0U, 0U));
  EXPECT_FALSE(make_bind_source(dir_.path() / "file/below", maps_));
}

// A thread swaps the directory above for a link to somebody else's, again and again.
TEST_F(BindSource, NothingIsGivenAwayThroughALinkThatIsSwappedIn) {
  constexpr int kRounds = 2000;
  const Path above = dir_.path() / "a";
  const Path trap = dir_.path() / "trap";
  const Path victim = dir_.path() / "others/b";
  std::filesystem::create_directories(victim);
  std::atomic<bool> over = false;
  std::thread swapping([&] {
    while (!over) {
      ::renameat2(AT_FDCWD, above.c_str(), AT_FDCWD, trap.c_str(), RENAME_EXCHANGE);
    }
  });
  for (int round = 0; round < kRounds && owner(victim).first == 0; ++round) {
    std::error_code none;
    for (const Path& place : {above, trap}) std::filesystem::remove_all(place, none);
    std::filesystem::create_directory_symlink("others", trap, none);
    // It may meet the link before it is one, and then says so.
    [[maybe_unused]] auto made = make_bind_source(above / "b", maps_);
  }
  over = true;
  swapping.join();
  EXPECT_EQ(owner(victim), std::pair(0U, 0U));
}

}  // namespace
}  // namespace skiff::engine
