#include "runtime/bind_attributes.h"

#include <gtest/gtest.h>
#include <sys/statvfs.h>

#include "base/strings.h"

namespace skiff::runtime {
namespace {

constexpr uint64_t kAll = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV |
                          MOUNT_ATTR_NOEXEC | MOUNT_ATTR_NOSYMFOLLOW;

std::string words_of(unsigned long flags) {
  std::string words;
  const std::pair<unsigned long, const char*> known[] = {
      {ST_RDONLY, "ro"},       {ST_NOSUID, "nosuid"},    {ST_NODEV, "nodev"},
      {ST_NOEXEC, "noexec"},   {0x2000, "nosymfollow"},  {ST_NODIRATIME, "nodiratime"},
      {ST_NOATIME, "noatime"}, {ST_RELATIME, "relatime"}};
  for (const auto& [flag, word] : known) {
    if ((flags & flag) != 0) words += cat(words.empty() ? "" : ",", word);
  }
  return words;
}

// The flags of a mount that had `before`, by these options; or "refused".
std::string after(uint64_t before, std::vector<std::string> options, bool flags_hold = false) {
  const auto mount = sys::new_filesystem({.type = "tmpfs", .attributes = before});
  if (!mount) return mount.error().message();
  OciMount wanted;
  wanted.destination = "/data";
  wanted.options = std::move(options);
  const auto change = bind_attributes(wanted, mount->get(), flags_hold);
  if (!change)
    return change.error().code() == Code::kPermissionDenied ? "refused" : change.error().message();
  const auto changed = sys::change_mount(mount->get(), *change);
  if (!changed) return changed.error().message();
  struct statvfs info{};
  EXPECT_EQ(::fstatvfs(mount->get(), &info), 0);
  return words_of(info.f_flag);
}

TEST(BindAttributes, WithoutOptionsAllFlagsStay) {
  const std::string all = "ro,nosuid,nodev,noexec,nosymfollow,relatime";
  EXPECT_EQ(after(kAll, {"rbind"}), all);
  EXPECT_EQ(after(kAll, {"bind", "rprivate", "defaults", "rro"}), all);
  EXPECT_EQ(after(kAll, {"bind"}, true), all);
}

TEST(BindAttributes, OptionsSayAllThatIsToHold) {
  EXPECT_EQ(after(kAll, {"bind", "dev"}), "relatime");
  EXPECT_EQ(after(kAll, {"bind", "ro"}), "ro,relatime");
  EXPECT_EQ(after(MOUNT_ATTR_RDONLY, {"bind", "nosuid", "nodev"}), "nosuid,nodev,relatime");
  EXPECT_EQ(after(kAll, {"remount", "bind", "dev"}), "ro,nosuid,noexec,nosymfollow,relatime");
}

TEST(BindAttributes, InAUserNamespaceTheHostsProtectionsHold) {
  EXPECT_EQ(after(kAll, {"bind", "ro"}, true), "ro,nosuid,nodev,noexec,relatime");
  EXPECT_EQ(after(MOUNT_ATTR_NODEV, {"bind", "ro", "exec"}, true), "ro,nodev,relatime");
  EXPECT_EQ(after(MOUNT_ATTR_RDONLY, {"bind", "rw"}, true), "refused");
  EXPECT_EQ(after(MOUNT_ATTR_NODEV | MOUNT_ATTR_NOATIME, {"bind", "dev"}, true), "refused");
  EXPECT_EQ(after(MOUNT_ATTR_NOATIME, {"bind", "relatime"}, true), "refused");
  EXPECT_EQ(after(MOUNT_ATTR_NOATIME, {"bind", "noatime", "ro"}, true), "ro,noatime");
}

TEST(BindAttributes, AccessTimesChangeByWordsThatSetThem) {
  EXPECT_EQ(after(MOUNT_ATTR_NOATIME, {"bind", "norelatime"}), "noatime");
  EXPECT_EQ(after(MOUNT_ATTR_NOATIME, {"bind", "atime"}), "noatime");
  EXPECT_EQ(after(MOUNT_ATTR_NOATIME, {"bind", "relatime"}), "relatime");
  EXPECT_EQ(after(MOUNT_ATTR_NOATIME, {"bind", "nodiratime"}), "nodiratime,relatime");
  EXPECT_EQ(after(MOUNT_ATTR_NODIRATIME, {"bind", "strictatime"}), "");
  EXPECT_EQ(after(MOUNT_ATTR_NOATIME, {"bind", "nodiratime", "strictatime"}), "nodiratime");
  EXPECT_EQ(after(MOUNT_ATTR_NOATIME, {"bind", "nodiratime", "norelatime"}), "nodiratime,relatime");
}

}  // namespace
}  // namespace skiff::runtime
