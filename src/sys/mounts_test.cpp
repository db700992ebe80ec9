#include "sys/mounts.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/statvfs.h>

#include "base/file.h"
#include "base/strings.h"

namespace skiff::sys {
namespace {

TEST(Mounts, TmpfsWithOptionsAtADescriptor) {
  TempDir dir = TempDir::make("/tmp", "skiff-mounts-").value();
  UniqueFd target = open_file(dir.path(), O_PATH | O_DIRECTORY).value();
  UniqueFd mount = new_filesystem({.type = "tmpfs",
                                   .options = {{"size", "65536"}, {"mode", "0700"}},
                                   .attributes = MOUNT_ATTR_NOSUID})
                       .value();
  ASSERT_TRUE(attach_mount(mount.get(), target.get()));
  MountPoint point(dir.path());
  struct statvfs info{};
  ASSERT_EQ(::statvfs(dir.path().c_str(), &info), 0);
  EXPECT_EQ(info.f_blocks * info.f_frsize, 65536U);
  EXPECT_EQ(info.f_flag & ST_NOSUID, static_cast<unsigned long>(ST_NOSUID));
  ASSERT_TRUE(change_mount(mount.get(), {.set = MOUNT_ATTR_RDONLY}));
  EXPECT_EQ(write_file(dir.path() / "x", "y").error().sys_errno(), EROFS);
}

TEST(Mounts, FlagsThatTheKernelDoesNotKnowAreLeftOut) {
  const auto mount = new_filesystem({.type = "tmpfs", .flags_if_known = {"inode64", "no-such"}});
  EXPECT_TRUE(mount) << mount.error().message();
  const Error option =
      new_filesystem({.type = "tmpfs", .options = {{"no-such", ""}}, .flags_if_known = {"x"}})
          .error();
  EXPECT_NE(option.message().find("Unknown parameter 'no-such'"), std::string::npos)
      << option.message();
}

TEST(Mounts, ErrorsCarryTheKernelsWords) {
  Error unknown = new_filesystem({.type = "nosuchfs"}).error();
  EXPECT_EQ(unknown.message(), "mount nosuchfs: open the filesystem: No such device");
  Error option = new_filesystem({.type = "tmpfs", .options = {{"size", "abc"}}}).error();
  EXPECT_TRUE(option.message().starts_with("mount tmpfs: option size")) << option.message();
  EXPECT_NE(option.message().find("Bad value for 'size'"), std::string::npos) << option.message();
}

TEST(Mounts, CloneIsABindMount) {
  TempDir dir = TempDir::make("/tmp", "skiff-mounts-").value();
  ASSERT_TRUE(make_directories(dir.path() / "a"));
  ASSERT_TRUE(make_directories(dir.path() / "b"));
  ASSERT_TRUE(write_file(dir.path() / "a/file", "text"));
  UniqueFd from = open_file(dir.path() / "a", O_PATH).value();
  UniqueFd to = open_file(dir.path() / "b", O_PATH).value();
  UniqueFd clone = clone_mount(from.get(), "", false).value();
  ASSERT_TRUE(change_mount(clone.get(), {.set = MOUNT_ATTR_RDONLY, .propagation = MS_PRIVATE}));
  ASSERT_TRUE(attach_mount(clone.get(), to.get()));
  MountPoint point(dir.path() / "b");
  EXPECT_EQ(read_file(dir.path() / "b/file").value(), "text");
  EXPECT_FALSE(write_file(dir.path() / "b/file", ""));
  EXPECT_TRUE(write_file(dir.path() / "a/file", "x"));
}

TEST(Mounts, AllBelowADirectoryIsUnmounted) {
  TempDir dir = TempDir::make("/tmp", "skiff-mounts-").value();
  const Path below = dir.path() / "a b/c";
  ASSERT_TRUE(make_directories(below));
  for (const Path& place : {dir.path(), below, below}) {
    UniqueFd target = open_file(place, O_PATH | O_DIRECTORY).value();
    UniqueFd mount = new_filesystem({.type = "tmpfs"}).value();
    ASSERT_TRUE(attach_mount(mount.get(), target.get()));
    ASSERT_TRUE(make_directories(below));
  }
  MountPoint point(dir.path());
  unmount_below(dir.path());
  std::string table = read_file("/proc/self/mountinfo").value();
  EXPECT_EQ(table.find(dir.path().native() + "/"), std::string::npos);
  EXPECT_NE(table.find(dir.path().native()), std::string::npos);
}

TEST(Mounts, OptionWords) {
  EXPECT_EQ(parse_mount_option("ro").change.set, static_cast<uint64_t>(MOUNT_ATTR_RDONLY));
  EXPECT_TRUE(parse_mount_option("rbind").recursive_bind);
  EXPECT_TRUE(parse_mount_option("rro").change.recursive);
  EXPECT_EQ(parse_mount_option("rslave").change.propagation, static_cast<uint64_t>(MS_SLAVE));
  EXPECT_EQ(parse_mount_option("sync").superblock, "sync");
  EXPECT_FALSE(parse_mount_option("size=64m").known);
}

}  // namespace
}  // namespace skiff::sys
