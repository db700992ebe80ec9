#include "sys/device_filter.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>

#include "base/file.h"
#include "base/random.h"
#include "base/strings.h"
#include "sys/cgroup.h"
#include "sys/namespaces.h"
#include "sys/process.h"

namespace skiff::sys {
namespace {

constexpr DeviceRule kNull = {.allow = true, .type = 'c', .major = 1, .minor = 3};

// A version 2 cgroup, on a hybrid host too, and what a process in it may do.
class DeviceFilter : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto hierarchies = cgroup_hierarchies().value();
    for (const CgroupHierarchy& each : hierarchies) {
      if (each.unified) path_ = each.mount / cat("skiff-sys-test-", random_hex(8));
    }
    if (path_.empty()) GTEST_SKIP() << "no cgroup v2 here";
    ASSERT_EQ(::mkdir(path_.c_str(), 0755), 0);
    directory_ = open_file(path_, O_RDONLY | O_DIRECTORY | O_CLOEXEC).value();
  }
  void TearDown() override {
    if (!path_.empty()) ::rmdir(path_.c_str());
  }
  Result<> attach(const std::vector<DeviceRule>& rules) {
    return attach_device_filter(directory_.get(), rules);
  }
  // The error of opening a fresh node of the device within the cgroup; of making it if it
  // cannot be made; 0 for none.
  int use(mode_t type, unsigned major, unsigned minor, int flags) {
    const std::string node = (scratch_.path() / random_hex(8)).native();
    Child child = clone_process({.cgroup = directory_.get()}, [&]() -> int {
                    if (::mknod(node.c_str(), type | 0600, makedev(major, minor)) != 0) {
                      return 100 + errno;
                    }
                    UniqueFd fd(::open(node.c_str(), flags | O_NONBLOCK | O_CLOEXEC));
                    return fd ? 0 : errno;
                  }).value();
    int status = 0;
    ::waitpid(child.pid, &status, 0);
    return exit_code_of(status);
  }

  Path path_;
  UniqueFd directory_;
  TempDir scratch_ = TempDir::make("/tmp", "skiff-devices-").value();
};

TEST_F(DeviceFilter, WhatNoRuleSpeaksOfIsRefused) {
  ASSERT_TRUE(attach({kNull}));
  EXPECT_EQ(use(S_IFCHR, 1, 3, O_RDWR), 0);
  EXPECT_EQ(use(S_IFCHR, 1, 5, O_RDWR), 100 + EPERM);
  EXPECT_EQ(use(S_IFBLK, 1, 3, O_RDONLY), 100 + EPERM) << "another type";
}

TEST_F(DeviceFilter, MakingIsNotUsing) {
  ASSERT_TRUE(attach({{.allow = true, .type = 'c', .access = kDeviceMknod},
                      {.allow = true, .type = 'b', .access = kDeviceMknod}}));
  EXPECT_EQ(use(S_IFCHR, 1, 3, O_RDONLY), EPERM);
  EXPECT_EQ(use(S_IFBLK, 259, 0, O_RDONLY), EPERM);
}

TEST_F(DeviceFilter, AccessesAddUp) {
  ASSERT_TRUE(attach({{.allow = true, .type = 'c', .access = kDeviceMknod | kDeviceRead}}));
  EXPECT_EQ(use(S_IFCHR, 1, 3, O_RDONLY), 0);
  EXPECT_EQ(use(S_IFCHR, 1, 3, O_RDWR), EPERM);
  ASSERT_TRUE(attach({{.allow = true, .type = 'c', .access = kDeviceMknod | kDeviceRead},
                      {.allow = true, .type = 'c', .major = 1, .access = kDeviceWrite}}));
  EXPECT_EQ(use(S_IFCHR, 1, 3, O_RDWR), 0);
}

TEST_F(DeviceFilter, TheLastRuleDecides) {
  ASSERT_TRUE(attach({{.allow = true}, {.allow = false, .type = 'c', .major = 1, .minor = 3}}));
  EXPECT_EQ(use(S_IFCHR, 1, 3, O_RDONLY), 100 + EPERM);
  EXPECT_EQ(use(S_IFCHR, 1, 5, O_RDWR), 0);
  ASSERT_TRUE(attach({{.allow = false, .type = 'c', .major = 1, .minor = 3}, {.allow = true}}));
  EXPECT_EQ(use(S_IFCHR, 1, 3, O_RDWR), 0);
}

TEST_F(DeviceFilter, ANewFilterTakesThePlaceOfTheOld) {
  ASSERT_TRUE(attach({}));
  EXPECT_EQ(use(S_IFCHR, 1, 3, O_RDONLY), 100 + EPERM);
  ASSERT_TRUE(attach({kNull}));
  EXPECT_EQ(use(S_IFCHR, 1, 3, O_RDONLY), 0);
}

TEST_F(DeviceFilter, OnlyACgroupCanHaveOne) {
  UniqueFd elsewhere = open_file("/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC).value();
  auto refused = attach_device_filter(elsewhere.get(), {});
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message().find("filter"), std::string::npos);
}

}  // namespace
}  // namespace skiff::sys
