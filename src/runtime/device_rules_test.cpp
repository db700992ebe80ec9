#include "runtime/device_rules.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>

#include "base/file.h"
#include "base/random.h"
#include "base/strings.h"
#include "sys/namespaces.h"
#include "sys/process.h"

namespace skiff::runtime {
namespace {

json::Value resources(const std::string& devices) {
  return json::parse(cat(R"({"devices": )", devices, "}")).value();
}

// The first mount of that version, so that both are tried on a hybrid host.
Path cgroup_root(bool v2) {
  const auto hierarchies = sys::cgroup_hierarchies().value();
  if (!v2) return "/sys/fs/cgroup";
  for (const sys::CgroupHierarchy& each : hierarchies) {
    if (each.unified) return each.mount;
  }
  return {};
}

class DeviceRules : public testing::TestWithParam<bool> {
 protected:
  void SetUp() override {
    const Path root = cgroup_root(GetParam());
    if (root.empty()) GTEST_SKIP() << "no cgroup v2 here";
    group_.emplace(sys::Cgroup::create(cat("/skiff-test-", random_hex(8)), root).value());
    if (!GetParam() && !group_->has("devices")) GTEST_SKIP() << "no v1 devices controller here";
  }
  void TearDown() override {
    if (!group_) return;
    EXPECT_TRUE(group_->remove());
  }
  // The error of making a node and reading it within the cgroup.
  int read_device(mode_t type, unsigned major, unsigned minor) {
    const std::string node = (scratch_.path() / random_hex(8)).native();
    sys::CgroupEntry entry = group_->entry().value();
    sys::Child child = sys::clone_process({.cgroup = entry.unified_dir()}, [&]() -> int {
                         if (!entry.enter()) return 200;
                         if (::mknod(node.c_str(), type | 0600, makedev(major, minor)) != 0)
                           return 100 + errno;
                         UniqueFd fd(::open(node.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
                         return fd ? 0 : errno;
                       }).value();
    int status = 0;
    ::waitpid(child.pid, &status, 0);
    return sys::exit_code_of(status);
  }

  std::optional<sys::Cgroup> group_;
  TempDir scratch_ = TempDir::make("/tmp", "skiff-devices-").value();
};

TEST_P(DeviceRules, ADiskOfTheHostCannotBeRead) {
  ASSERT_TRUE(apply_device_rules(*group_, resources(R"([{"allow": false, "access": "rwm"}])")));
  EXPECT_EQ(read_device(S_IFBLK, 7, 0), EPERM);
  EXPECT_EQ(read_device(S_IFCHR, 1, 1), EPERM) << "memory";
  EXPECT_EQ(read_device(S_IFCHR, 1, 3), 0) << "null";
  EXPECT_EQ(read_device(S_IFCHR, 1, 9), 0) << "urandom";
}

TEST_P(DeviceRules, AListThatDeniesNothingStillAllowsOnlyItself) {
  ASSERT_TRUE(apply_device_rules(
      *group_, resources(R"([{"allow": true, "type": "c", "major": 10, "minor": 200}])")));
  EXPECT_EQ(read_device(S_IFBLK, 7, 0), EPERM);
}

TEST_P(DeviceRules, PrivilegedMayDoAll) {
  ASSERT_TRUE(apply_device_rules(*group_, resources(R"([{"allow": false}, {"allow": true}])")));
  EXPECT_NE(read_device(S_IFCHR, 1, 11), EPERM) << "kmsg";
}

TEST_P(DeviceRules, BadRulesAreRefused) {
  for (const char* bad :
       {R"([{"type": "x"}])", R"([{"type": "cb"}])", R"([{"type": "c", "access": "x"}])",
        R"([{"allow": true, "type": "c", "major": 4294967297}])"}) {
    auto applied = apply_device_rules(*group_, resources(bad));
    ASSERT_FALSE(applied) << bad;
    EXPECT_NE(applied.error().message().find("linux.resources.devices"), std::string::npos);
  }
}

INSTANTIATE_TEST_SUITE_P(Versions, DeviceRules, testing::Bool(),
                         [](const auto& of) { return of.param ? "v2" : "v1"; });

}  // namespace
}  // namespace skiff::runtime
