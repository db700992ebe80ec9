// What crun understands beyond the specification, and its callers rely on.
#include <grp.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "runtime/annotations.h"
#include "runtime/test_bundle.h"
#include "sys/cgroup.h"

namespace skiff::runtime {
namespace {

using test::Ran;
using test::TestBundle;

std::string output(TestBundle& bundle, const std::string& script) {
  Result<Ran> ran = bundle.script(script).run();
  return ran ? ran->output : ran.error().message();
}

json::Value hook_that(const std::string& script) {
  const json::Value hook =
      json::object({{"path", "/bin/sh"}, {"args", std::vector<std::string>{"sh", "-c", script}}});
  return json::object({{"createRuntime", json::array({hook})}});
}

TEST(CrunWords, HooksWithoutAnEnvironmentHaveTheRuntimes) {
  ASSERT_EQ(::setenv("SKIFF_TEST_HOOK", "inherited", 1), 0);
  const ScopeExit unset([] { ::unsetenv("SKIFF_TEST_HOOK"); });
  TestBundle bundle;
  bundle.change = [&](json::Value& config) {
    config.set("hooks", hook_that("[ \"$SKIFF_TEST_HOOK\" = inherited ]"));
  };
  EXPECT_EQ(output(bundle, "echo ran"), "ran\n");
}

TEST(CrunWords, HooksWithAnEmptyEnvironmentHaveNone) {
  ASSERT_EQ(::setenv("SKIFF_TEST_HOOK", "inherited", 1), 0);
  const ScopeExit unset([] { ::unsetenv("SKIFF_TEST_HOOK"); });
  TestBundle bundle;
  bundle.change = [&](json::Value& config) {
    json::Value hooks = hook_that("[ -z \"$SKIFF_TEST_HOOK\" ]");
    json::Value hook = hooks.array("createRuntime")[0];
    hook.set("env", json::array({}));
    hooks.set("createRuntime", json::array({hook}));
    config.set("hooks", hooks);
  };
  EXPECT_EQ(output(bundle, "echo ran"), "ran\n");
}

TEST(CrunWords, AUserNamespaceWithoutMappingsKeepsEveryId) {
  TestBundle bundle;
  bundle.change = [](json::Value& config) {
    json::Value lx = *config.find("linux");
    json::Array namespaces = lx.array("namespaces");
    namespaces.push_back(json::object({{"type", "user"}}));
    lx.set("namespaces", std::move(namespaces));
    config.set("linux", lx);
  };
  const std::string ids =
      output(bundle, "tr -s ' ' < /proc/self/uid_map; id -u; readlink /proc/self/ns/user");
  EXPECT_TRUE(ids.starts_with(" 0 0 4294967295\n0\n")) << ids;
  std::array<char, 64> ours{};
  ASSERT_GT(::readlink("/proc/self/ns/user", ours.data(), ours.size() - 1), 0);
  EXPECT_EQ(ids.find(ours.data()), std::string::npos) << ids;
}

TEST(CrunWords, HalfAMappingIsRefused) {
  TestBundle bundle;
  bundle.change = [](json::Value& config) {
    json::Value lx = *config.find("linux");
    lx.set("namespaces",
           json::array({json::object({{"type", "user"}}), json::object({{"type", "mount"}})}));
    lx.set("uidMappings",
           json::array({json::object({{"containerID", 0}, {"hostID", 7}, {"size", 1}})}));
    config.set("linux", lx);
  };
  EXPECT_NE(output(bundle, "true").find("needs uidMappings and gidMappings"), std::string::npos);
}

TEST(CrunWords, GroupsAreKeptOnRequest) {
  std::array<gid_t, 64> before{};
  const int count = ::getgroups(before.size(), before.data());
  ASSERT_GE(count, 0);
  const std::array<gid_t, 2> ours{41, 42};
  ASSERT_EQ(::setgroups(ours.size(), ours.data()), 0);
  const ScopeExit restore([&] { ::setgroups(static_cast<size_t>(count), before.data()); });
  const char* const script = "grep Groups /proc/self/status | tr -s '\t ' ' '";
  TestBundle bundle;
  EXPECT_EQ(trim(output(bundle, script)), "Groups: 0");
  TestBundle keeping;
  keeping.spec.annotations[kKeepGroupsAnnotation] = "1";
  EXPECT_EQ(trim(output(keeping, script)), "Groups: 41 42");
}

TEST(CrunWords, ALinkIsCopiedAndOthersAreMounted) {
  TestBundle bundle;
  std::filesystem::create_symlink("/no/where", bundle.scratch() / "link");
  ASSERT_TRUE(write_file(bundle.scratch() / "file", "text\n"));
  bundle.change = [&](json::Value& config) {
    json::Array mounts = config.array("mounts");
    for (const char* name : {"link", "file"}) {
      mounts.push_back(json::object({{"destination", cat("/a/", name)},
                                     {"type", "bind"},
                                     {"source", (bundle.scratch() / name).native()},
                                     {"options", json::array({"rbind", "copy-symlink"})}}));
    }
    config.set("mounts", std::move(mounts));
  };
  EXPECT_EQ(output(bundle, "readlink /a/link; cat /a/file; grep -c ' /a/' /proc/self/mountinfo"),
            "/no/where\ntext\n1\n");
  EXPECT_EQ(std::filesystem::read_symlink(bundle.rootfs() / "a/link"), "/no/where");
}

TEST(CrunWords, ALinkIsNotCopiedOverAnotherFile) {
  TestBundle bundle;
  std::filesystem::create_symlink("/no/where", bundle.scratch() / "link");
  ASSERT_TRUE(write_file(bundle.rootfs() / "taken", "image's\n"));
  bundle.change = [&](json::Value& config) {
    json::Array mounts = config.array("mounts");
    mounts.push_back(json::object({{"destination", "/taken"},
                                   {"type", "bind"},
                                   {"source", (bundle.scratch() / "link").native()},
                                   {"options", json::array({"bind", "copy-symlink"})}}));
    config.set("mounts", std::move(mounts));
  };
  EXPECT_NE(output(bundle, "true").find("/taken exists and is not that link"), std::string::npos);
}

TEST(CrunWords, TheHostsNameIsNoSysctl) {
  TestBundle bundle;
  bundle.spec.sysctls = {{"kernel.hostname", "other"}};
  EXPECT_NE(output(bundle, "true").find("conflicts with the OCI \"hostname\" field"),
            std::string::npos);
}

// Ids 0 to 999 of a container that has /dev/zero in these places, owned by this id.
std::function<void(json::Value&)> with_zeros(std::vector<std::string> places, int64_t owner) {
  return [places = std::move(places), owner](json::Value& config) {
    const auto ids = [](int64_t host) {
      return json::array({json::object({{"containerID", 0}, {"hostID", host}, {"size", 1000}})});
    };
    json::Value lx = *config.find("linux");
    json::Array namespaces = lx.array("namespaces");
    namespaces.push_back(json::object({{"type", "user"}}));
    lx.make_object().erase("sysctl");
    lx.set("namespaces", std::move(namespaces));
    lx.set("uidMappings", ids(100000));
    lx.set("gidMappings", ids(200000));
    json::Array devices;
    for (const std::string& place : places) {
      devices.push_back(json::object({{"path", place},
                                      {"type", "c"},
                                      {"major", 1},
                                      {"minor", 5},
                                      {"uid", owner},
                                      {"gid", owner},
                                      {"fileMode", 0157}}));
    }
    lx.set("devices", std::move(devices));
    config.set("linux", lx);
  };
}

TEST(CrunWords, DevicesOfAUserNamespaceAreNodesOfTheirOwn) {
  TestBundle bundle;
  bundle.change = with_zeros({"/dev/first", "/dev/sub/second"}, 10);
  EXPECT_EQ(output(bundle,
                   "stat -c '%n %t:%T %a %u:%g' /dev/first /dev/sub/second;"
                   " ls /dev | grep -c '^[0-9]'; ls / | grep -c '^[0-9]'"),
            "/dev/first 1:5 157 10:10\n/dev/sub/second 1:5 157 10:10\n0\n0\n");
}

TEST(CrunWords, ADeviceWhoseOwnerIsNotMappedIsNobodys) {
  TestBundle bundle;
  bundle.change = with_zeros({"/dev/first"}, 5000);
  EXPECT_EQ(output(bundle, "stat -c '%u:%g' /dev/first; head -c 3 /dev/first | wc -c"),
            "65534:65534\n3\n");
}

TEST(CrunWords, NothingIsMadeInAHostsDev) {
  TestBundle bundle;
  const auto devices = with_zeros({"/dev/first"}, 5000);
  bundle.change = [&](json::Value& config) {
    devices(config);
    json::Array mounts;
    for (const json::Value& mount : config.array("mounts")) {
      if (!mount.string("destination").starts_with("/dev")) mounts.push_back(mount);
    }
    mounts.push_back(json::object({{"destination", "/dev"},
                                   {"type", "bind"},
                                   {"source", "/dev"},
                                   {"options", json::array({"rbind"})}}));
    config.set("mounts", std::move(mounts));
  };
  EXPECT_EQ(output(bundle, "[ ! -e /dev/first ] && head -c 3 /dev/zero | wc -c"), "3\n");
}

// Of version 1: there the kernel lets no frozen process die.
class FrozenElsewhere : public testing::Test {
 protected:
  void SetUp() override {
    const Path freezer = "/sys/fs/cgroup/freezer";
    if (!std::filesystem::exists(freezer / "tasks")) {
      GTEST_SKIP() << "needs the freezer of version 1";
    }
    container_ = bundle_.script("sleep 100").create();
    ASSERT_TRUE(container_) << container_.error().message();
    ASSERT_TRUE(container_->start());
    theirs_ = freezer / (bundle_.id + "-theirs");
    ASSERT_TRUE(std::filesystem::create_directory(theirs_));
    ASSERT_TRUE(write_file(theirs_ / "cgroup.procs", cat(container_->pid())));
    ASSERT_TRUE(write_file(theirs_ / "freezer.state", "FROZEN"));
  }
  void TearDown() override {
    if (theirs_.empty()) return;
    [[maybe_unused]] auto removed = container_->remove(true);
    ::rmdir(theirs_.c_str());
    EXPECT_EQ(bundle_.traces(), "");
  }

  TestBundle bundle_;
  Result<Container> container_ = Error(Code::kUnavailable, "none yet");
  Path theirs_;
};

TEST_F(FrozenElsewhere, TheContainerIsRemoved) {
  EXPECT_TRUE(container_->remove(true));
  EXPECT_EQ(TestBundle::reap(container_->pid()), 128 + SIGKILL);
}

TEST_F(FrozenElsewhere, TheContainerIsKilled) {
  EXPECT_TRUE(container_->kill(SIGKILL));
  EXPECT_EQ(TestBundle::reap(container_->pid()), 128 + SIGKILL);
}

TEST_F(FrozenElsewhere, TheContainerIsKilledWithAllThatIsInIt) {
  EXPECT_TRUE(container_->kill(SIGKILL, true));
  EXPECT_EQ(TestBundle::reap(container_->pid()), 128 + SIGKILL);
}

}  // namespace
}  // namespace skiff::runtime
