// What other engines write who always name every field, and what they name twice: zeros, nulls and
// empty strings are not given.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "runtime/cgroup_checks.h"
#include "runtime/cgroup_limits.h"
#include "runtime/diagnostics.h"
#include "runtime/sysctls.h"
#include "runtime/test_bundle.h"

namespace skiff::runtime {
namespace {

using test::Ran;
using test::TestBundle;

Ran run_or_error(TestBundle& bundle, const std::string& script) {
  Result<Ran> ran = bundle.script(script).run();
  return ran ? *ran : Ran{-1, ran.error().message()};
}

// A created container of version 1 cgroups; none where the host has others.
class GivenLimits : public testing::Test {
 protected:
  void SetUp() override {
    bundle_.change = test::with_linux(
        "resources", *json::parse(R"({"memory": {"limit": 0, "swap": 0, "reservation": 0,
                                                 "kernel": 0, "kernelTCP": 0},
                                      "cpu": {"shares": 0}, "pids": {"limit": 0},
                                      "network": {"classID": 0}})"));
    Result<Container> created = bundle_.script("sleep 100").create();
    ASSERT_TRUE(created) << created.error().message();
    container_.emplace(std::move(*created));
    if (container_->cgroup().v2() || !container_->cgroup().has("memory")) {
      GTEST_SKIP() << "no version 1 memory cgroup here";
    }
  }
  void TearDown() override {
    if (!container_) return;
    EXPECT_TRUE(container_->remove(true));
    TestBundle::reap(container_->pid());
  }

  Result<> update(std::string_view resources) {
    return container_->update(json::parse(resources).value());
  }
  std::string read(std::string_view controller, const std::string& file) const {
    return std::string(trim(container_->cgroup().read(controller, file).value_or("(absent)")));
  }

  TestBundle bundle_;
  std::optional<Container> container_;
};

TEST_F(GivenLimits, ZeroIsNotALimit) {
  ASSERT_TRUE(update(R"({"memory": {"limit": 33554432, "reservation": 16777216}})"));
  // As dockerd sends it with every update that names no memory.
  const Result<> updated = update(R"({"memory": {"limit": 0, "swap": 0, "reservation": 0,
                                                 "kernel": 0, "kernelTCP": 0},
                                      "cpu": {"shares": 100}})");
  EXPECT_TRUE(updated) << updated.error().message();
  EXPECT_EQ(read("cpu", "cpu.shares"), "100");
  EXPECT_EQ(read("memory", "memory.limit_in_bytes"), "33554432");
  EXPECT_EQ(read("memory", "memory.soft_limit_in_bytes"), "16777216");
}

TEST_F(GivenLimits, AnUpdateThatFailsChangesNothing) {
  ASSERT_TRUE(update(R"({"memory": {"limit": 33554432}, "cpu": {"shares": 100}})"));
  EXPECT_FALSE(update(R"({"memory": {"limit": 67108864}, "cpu": {"shares": 200, "mems": "77"}})"));
  EXPECT_EQ(read("memory", "memory.limit_in_bytes"), "33554432");
  EXPECT_FALSE(update(R"({"memory": {"limit": 67108864}, "cpu": {"shares": 200, "quota": 5}})"));
  EXPECT_EQ(read("memory", "memory.limit_in_bytes"), "33554432");
  EXPECT_EQ(read("cpu", "cpu.shares"), "100");
}

TEST(GivenValues, ALimitThatNoKernelTakesIsRefusedFirst) {
  const std::pair<const char*, std::string_view> kCases[] = {
      {R"({"cpu": {"shares": 1}})", "the minimum allowed cpu-shares is 2"},
      {R"({"cpu": {"shares": 500000}})", "the maximum allowed cpu-shares is 262144"},
      {R"({"cpu": {"shares": 9223372036854775808}})", "the maximum allowed cpu-shares is 262144"},
      {R"({"memory": {"swappiness": 101}})", "invalid memory swappiness value: 101"},
      {R"({"memory": {"limit": 2, "swap": 1}})", "memory+swap limit should be >= memory limit"}};
  for (const auto& [resources, message] : kCases) {
    const Result<> checked = check_limits(json::parse(resources).value(), false);
    ASSERT_FALSE(checked) << resources;
    EXPECT_NE(checked.error().message().find(message), std::string::npos)
        << checked.error().message();
  }
  EXPECT_TRUE(check_limits(json::parse(R"({"cpu": {"shares": 1}})").value(), true));
}

TEST(GivenValues, ALimitThatKillsTheRuntimesOwnProcessIsNamed) {
  TestBundle bundle;
  bundle.change = test::with_linux("resources", *json::parse(R"({"memory": {"limit": 100}})"));
  const Result<Ran> ran = bundle.script("true").run();
  ASSERT_FALSE(ran);
  EXPECT_NE(ran.error().message().find("for want of memory: its limit"), std::string::npos)
      << ran.error().message();
}

TEST(GivenValues, NullIsNotGiven) {
  TestBundle bundle;
  bundle.change = [](json::Value& config) {
    json::Value user = *config.find("process")->find("user");
    user.set("umask", nullptr);
    test::with_process("user", user)(config);
    test::with_process("oomScoreAdj", nullptr)(config);
    test::with_linux("devices", json::array({json::object({{"path", "/dev/other"},
                                                           {"type", "c"},
                                                           {"major", 1},
                                                           {"minor", 5},
                                                           {"fileMode", nullptr}})}))(config);
  };
  const std::string score = *read_file("/proc/self/oom_score_adj");
  EXPECT_EQ(
      run_or_error(bundle, "umask; stat -c %a /dev/other; cat /proc/self/oom_score_adj").output,
      "0022\n666\n" + score);
}

TEST(GivenValues, MountOptionsAreTakenAsTheKernelReadsThem) {
  TestBundle bundle;
  bundle.change = [](json::Value& config) {
    json::Array mounts = config.array("mounts");
    mounts.push_back(json::object({{"destination", "/run"},
                                   {"type", "tmpfs"},
                                   {"source", "tmpfs"},
                                   {"options", json::array({"rw", "nosuid", "tmpcopyup", ""})}}));
    mounts.push_back(json::object({{"destination", "/several"},
                                   {"type", "tmpfs"},
                                   {"source", "tmpfs"},
                                   {"options", json::array({"size=1m,mode=700"})}}));
    config.set("mounts", std::move(mounts));
  };
  const Ran ran = run_or_error(bundle, "grep /run /proc/mounts; stat -c %a /several");
  EXPECT_EQ(ran.code, 0) << ran.output;
  EXPECT_NE(ran.output.find("nosuid"), std::string::npos) << ran.output;
  EXPECT_TRUE(ran.output.ends_with("700\n")) << ran.output;
}

// As runc, which hands mount(2) the whole string.
TEST(GivenValues, CommasWithinAnOptionAreTakenAsTheKernelReadsThem) {
  TestBundle bundle;
  const Path scratch = bundle.scratch();
  for (const char* name : {"plain", "ends\\", "com,ma"}) {
    std::filesystem::create_directory(scratch / name);
    ASSERT_TRUE(write_file(scratch / name / cat("of-", name), ""));
  }
  const std::string lower = cat("lowerdir=", scratch.native(), "/plain:", scratch.native());
  const bool has_nodes = std::filesystem::exists("/proc/self/numa_maps");
  bundle.change = [&](json::Value& config) {
    json::Array mounts = config.array("mounts");
    const auto add = [&](const char* to, const char* type, const std::string& options) {
      mounts.push_back(json::object({{"destination", to},
                                     {"type", type},
                                     {"source", type},
                                     {"options", json::array({options})}}));
    };
    add("/nodes", "tmpfs", cat("mode=711", has_nodes ? ",mpol=bind:0,0" : "", ",size=1m"));
    add("/ends", "overlay", lower + "/ends\\\\,xino=off");
    add("/comma", "overlay", lower + "/com\\,ma,xino=off");
    config.set("mounts", std::move(mounts));
  };
  const Ran ran = run_or_error(bundle, "stat -c %a /nodes; ls /ends /comma");
  EXPECT_EQ(ran.output, "711\n/comma:\nof-com,ma\nof-plain\n\n/ends:\nof-ends\\\nof-plain\n");
}

TEST(GivenValues, OfTwoDevicesOrAFileTheFirstStays) {
  TestBundle bundle;
  ASSERT_TRUE(write_file(bundle.rootfs() / "taken", "the image's\n"));
  bundle.change = [](json::Value& config) {
    json::Array devices;
    for (const auto& [path, minor] : {std::pair("/dev/one", 5), {"/dev/one", 3}, {"/taken", 5}}) {
      devices.push_back(
          json::object({{"path", path}, {"type", "c"}, {"major", 1}, {"minor", minor}}));
    }
    test::with_linux("devices", devices)(config);
  };
  EXPECT_EQ(run_or_error(bundle, "stat -c %t:%T /dev/one; cat /taken").output,
            "1:5\nthe image's\n");
}

TEST(GivenValues, TheRootAsAReadonlyPathIsReadonly) {
  TestBundle bundle;
  bundle.change = test::with_linux("readonlyPaths", json::array({"/"}));
  EXPECT_NE(run_or_error(bundle, "touch /x").output.find("Read-only file system"),
            std::string::npos);
  bundle.change = test::with_linux("maskedPaths", json::array({"/"}));
  EXPECT_NE(run_or_error(bundle, "true").output.find("mask /: it is the root"), std::string::npos);
}

TEST(GivenValues, TheRootMountedAgainIsAPathLikeOthers) {
  TestBundle bundle;
  const auto shield = [&](const char* field) {
    bundle.change = [&bundle, field](json::Value& config) {
      json::Array mounts = config.array("mounts");
      mounts.push_back(json::object({{"destination", "/again"},
                                     {"type", "bind"},
                                     {"source", bundle.rootfs().native()},
                                     {"options", json::array({"bind"})}}));
      config.set("mounts", std::move(mounts));
      test::with_linux(field, json::array({"/again"}))(config);
    };
  };
  shield("readonlyPaths");
  EXPECT_EQ(
      run_or_error(bundle, "touch /x && echo root; touch /again/y 2>/dev/null || echo refused")
          .output,
      "root\nrefused\n");
  shield("maskedPaths");
  EXPECT_EQ(run_or_error(bundle, "ls /again; ls -d /bin").output, "/bin\n");
}

TEST(GivenValues, ASysctlMayHaveSlashes) {
  EXPECT_EQ(with_dots("net/ipv4/conf/eth0.1/forwarding"), "net.ipv4.conf.eth0/1.forwarding");
  EXPECT_EQ(with_dots("net.ipv4.conf.eth0/1.forwarding"), "net.ipv4.conf.eth0/1.forwarding");
  const auto own = [](uint64_t) { return true; };
  EXPECT_TRUE(check_sysctl("net.ipv4.conf.eth0/1.forwarding", own));
  for (const char* name : {"net.//.kernel.panic", "net./.x", "net..x", "net."}) {
    EXPECT_FALSE(check_sysctl(name, own)) << name;
  }
  TestBundle bundle;
  bundle.change = test::with_linux("sysctl", json::object({{"net/ipv4/ip_forward", "1"}}));
  EXPECT_EQ(run_or_error(bundle, "cat /proc/sys/net/ipv4/ip_forward").output, "1\n");
}

TEST(GivenValues, ACapabilityThatNobodyKnowsIsTold) {
  std::string said;
  set_warning_sink([&](std::string_view text) { said += text; });
  ScopeExit restore([] { set_warning_sink([](std::string_view) {}); });
  TestBundle bundle;
  bundle.change = test::with_process(
      "capabilities", json::object({{"bounding", json::array({"CAP_NOPE", "CAP_KILL"})}}));
  EXPECT_EQ(run_or_error(bundle, "grep CapBnd /proc/self/status").output,
            "CapBnd:\t0000000000000020\n");
  EXPECT_EQ(said, "process.capabilities: \"CAP_NOPE\" is unknown to this kernel: not given");
}

}  // namespace
}  // namespace skiff::runtime
