#include "sys/user_namespace.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <thread>

#include "base/file.h"
#include "base/strings.h"
#include "sys/mounts.h"

namespace skiff::sys {
namespace {

const std::vector<IdMapping> kTwoRanges = map_from_zero({{100000, 10}, {5000, 1000}});

TEST(IdMap, RangesFollowOneAnotherFromZeroOn) {
  EXPECT_EQ(kTwoRanges, (std::vector<IdMapping>{{0, 100000, 10}, {10, 5000, 1000}}));
  EXPECT_EQ(mapping_text(kTwoRanges), "0 100000 10\n10 5000 1000\n");
  EXPECT_EQ(parse_mapping_text("         0     100000         10\n  10 5000   1000\nx\n"),
            kTwoRanges);
  EXPECT_TRUE(map_from_zero({}).empty());
}

TEST(IdMap, BothWays) {
  EXPECT_EQ(outside_id(kTwoRanges, 0), 100000U);
  EXPECT_EQ(outside_id(kTwoRanges, 9), 100009U);
  EXPECT_EQ(outside_id(kTwoRanges, 10), 5000U);
  EXPECT_EQ(outside_id(kTwoRanges, 1010), std::nullopt);
  EXPECT_EQ(inside_id(kTwoRanges, 100009), 9U);
  EXPECT_EQ(inside_id(kTwoRanges, 5999), 1009U);
  EXPECT_EQ(inside_id(kTwoRanges, 0), std::nullopt);
  EXPECT_EQ(inside_id(kTwoRanges, 100010), std::nullopt);
}

struct stat stat_of(const Path& path) {
  struct stat st{};
  EXPECT_EQ(::stat(path.c_str(), &st), 0) << path;
  return st;
}

// What is written through the mapped mount by its root is root's below.
TEST(UserNamespace, MapsAMountBothWays) {
  const TempDir dir = TempDir::make("/tmp", "skiff-userns-").value();
  const Path below = dir.path() / "below";
  const Path mapped = dir.path() / "mapped";
  for (const Path& each : {below, mapped}) ASSERT_TRUE(make_directories(each));
  ASSERT_TRUE(write_file_durably(below / "old", "x"));
  ASSERT_EQ(::chown((below / "old").c_str(), 3, 12), 0);
  const auto ids = UserNamespace::make({.uids = kTwoRanges, .gids = kTwoRanges}).value();
  const UniqueFd mount = clone_mount(AT_FDCWD, below.native(), false).value();
  ASSERT_TRUE(map_mount_ids(mount.get(), ids->fd(), false));
  ASSERT_TRUE(attach_mount(mount.get(), open_file(mapped, O_PATH)->get()));
  const MountPoint point(mapped);
  EXPECT_EQ(stat_of(mapped / "old").st_uid, 100003U);
  EXPECT_EQ(stat_of(mapped / "old").st_gid, 5002U);
  EXPECT_FALSE(write_file_durably(mapped / "of the host's root", "x"));
  std::thread([&] {
    ASSERT_TRUE(make_files_as_root_of(ids->maps()));
    EXPECT_TRUE(write_file_durably(mapped / "new", "x"));
    EXPECT_EQ(::chown((mapped / "old").c_str(), 100000, 100000), 0);
  }).join();
  EXPECT_EQ(stat_of(mapped / "new").st_uid, 100000U);
  EXPECT_EQ(stat_of(below / "new").st_uid, 0U);
  EXPECT_EQ(stat_of(below / "old").st_uid, 0U);
}

TEST(UserNamespace, WhatTheKernelRefusesIsNamed) {
  const auto overlapping =
      UserNamespace::make({.uids = {{0, 100000, 10}, {5, 200000, 10}}, .gids = {{0, 100000, 10}}});
  ASSERT_FALSE(overlapping);
  EXPECT_TRUE(overlapping.error().message().starts_with("uid mappings"));
  EXPECT_FALSE(make_files_as_root_of({.uids = {{1, 100000, 1}}, .gids = {{0, 100000, 1}}}));
}

}  // namespace
}  // namespace skiff::sys
