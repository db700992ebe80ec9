// Limits and figures on version 2 cgroups, whichever version the host's controllers are of: a
// directory of plain files takes the place of a cgroup's.
#include "runtime/cgroup_limits.h"

#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <functional>

#include "base/random.h"
#include "base/strings.h"
#include "runtime/cgroup_stats.h"
#include "runtime/cpu_quota.h"
#include "sys/namespaces.h"
#include "sys/process.h"

namespace skiff::runtime {
namespace {

constexpr int kSkipped = 77;

class Version2Limits : public testing::Test {
 protected:
  void SetUp() override {
    for (const char* name : {"mount", "files"}) std::filesystem::create_directory(at(name));
  }

  Path at(const std::string& name) const { return dir_.path() / name; }
  // The kernel's file, as it stands before.
  void file(const std::string& name, const std::string& text = "") {
    ASSERT_TRUE(write_file(at("files") / name, text));
  }
  std::string text(const std::string& name) const {
    return read_file(at("files") / name).value_or("(absent)");
  }

  // Runs `body` with a cgroup whose directory is "files"; gives the error it returns.
  std::string with_group(const std::function<Result<>(const sys::Cgroup&)>& body) {
    sys::Child child =
        sys::clone_process({.flags = CLONE_NEWNS}, [&] { return run(body); }).value();
    int status = 0;
    EXPECT_EQ(::waitpid(child.pid, &status, 0), child.pid);
    const int code = sys::exit_code_of(status);
    if (code == kSkipped) return "no cgroup v2 here";
    EXPECT_EQ(code, 0);
    return read_file(at("error")).value_or("nothing was said");
  }

  int run(const std::function<Result<>(const sys::Cgroup&)>& body) const {
    ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr);
    if (::mount("none", at("mount").c_str(), "cgroup2", 0, nullptr) != 0) return kSkipped;
    const std::string name = cat("skiff-limits-test-", random_hex(8));
    const Path directory = at("mount") / name;
    if (::mkdir(directory.c_str(), 0755) != 0) return 1;
    if (::mount(at("files").c_str(), directory.c_str(), nullptr, MS_BIND, nullptr) != 0) return 2;
    {
      Result<sys::Cgroup> group = sys::Cgroup::open(cat("/", name), at("mount"));
      if (!group || !group->v2()) return 3;
      Result<> done = body(*group);
      if (!write_file(at("error"), done ? "" : done.error().message())) return 4;
    }
    ::umount2(directory.c_str(), MNT_DETACH);
    return ::rmdir(directory.c_str()) == 0 ? 0 : 5;
  }

  std::string apply(const std::string& resources) {
    return with_group([&](const sys::Cgroup& group) {
      return apply_resources(group, json::parse(resources).value());
    });
  }

  TempDir dir_ = *TempDir::make("/tmp", "skiff-limits-test");
};

TEST_F(Version2Limits, MemoryAndSwapAreApart) {
  for (const char* name : {"memory.max", "memory.swap.max", "memory.low"}) file(name);
  std::string said =
      apply(R"({"memory": {"limit": 67108864, "swap": 100663296, "reservation": 33554432}})");
  if (said == "no cgroup v2 here") GTEST_SKIP() << said;
  EXPECT_EQ(said, "");
  EXPECT_EQ(text("memory.max"), "67108864");
  EXPECT_EQ(text("memory.swap.max"), "33554432");  // version 1's figure is of both
  EXPECT_EQ(text("memory.low"), "33554432");
}

TEST_F(Version2Limits, ALimitBelowWhatIsUsedIsRefusedWhenAsked) {
  file("memory.max");
  file("memory.current", "200\n");
  EXPECT_NE(apply(R"({"memory": {"limit": 100, "checkBeforeUpdate": true}})")
                .find("rejecting memory limit 100 below"),
            std::string::npos);
  EXPECT_NE(apply(R"({"memory": {"limit": 100, "swap": 150, "checkBeforeUpdate": true}})")
                .find("rejecting memory+swap limit 150 below"),
            std::string::npos);
  EXPECT_EQ(text("memory.max"), "");
  apply(R"({"memory": {"limit": 300, "checkBeforeUpdate": true}})");
  EXPECT_EQ(text("memory.max"), "300");
}

TEST_F(Version2Limits, NoLimitIsMax) {
  for (const char* name : {"memory.max", "memory.swap.max", "pids.max"}) file(name);
  std::string said = apply(R"({"memory": {"limit": -1, "swap": -1}, "pids": {"limit": -1}})");
  if (said == "no cgroup v2 here") GTEST_SKIP() << said;
  EXPECT_EQ(said, "");
  EXPECT_EQ(text("memory.max") + text("memory.swap.max") + text("pids.max"), "maxmaxmax");
}

TEST_F(Version2Limits, AKernelWithoutSwapLimitsTheMemoryAlone) {
  file("memory.max");
  std::string said = apply(R"({"memory": {"limit": 67108864, "swap": 134217728}})");
  if (said == "no cgroup v2 here") GTEST_SKIP() << said;
  EXPECT_EQ(said, "");
  EXPECT_EQ(text("memory.max"), "67108864");
  EXPECT_EQ(text("memory.swap.max"), "(absent)");
}

TEST_F(Version2Limits, LessSwapThanMemoryIsRefused) {
  for (const char* name : {"memory.max", "memory.swap.max"}) file(name);
  std::string said = apply(R"({"memory": {"limit": 67108864, "swap": 1048576}})");
  if (said == "no cgroup v2 here") GTEST_SKIP() << said;
  EXPECT_NE(said.find("memory+swap limit should be >= memory limit"), std::string::npos) << said;
  EXPECT_EQ(text("memory.max"), "");
}

TEST_F(Version2Limits, CpuSharesBecomeAWeight) {
  for (const char* name : {"cpu.max", "cpu.weight", "cpuset.cpus", "pids.max"}) file(name);
  std::string said = apply(
      R"({"cpu": {"shares": 1024, "quota": 50000, "period": 100000, "cpus": "0"},
          "pids": {"limit": 50}})");
  if (said == "no cgroup v2 here") GTEST_SKIP() << said;
  EXPECT_EQ(said, "");
  EXPECT_EQ(text("cpu.max"), "50000 100000");
  EXPECT_EQ(text("cpu.weight"), "100");
  EXPECT_EQ(text("cpuset.cpus"), "0");
  EXPECT_EQ(text("pids.max"), "50");
}

TEST_F(Version2Limits, ZeroIsALimitThatIsNotSet) {
  for (const char* name : {"memory.max", "memory.swap.max", "memory.low"}) file(name);
  std::string said = apply(R"({"memory": {"limit": 0, "swap": 0, "reservation": 0}})");
  if (said == "no cgroup v2 here") GTEST_SKIP() << said;
  EXPECT_EQ(said, "");
  EXPECT_EQ(text("memory.max") + text("memory.swap.max") + text("memory.low"), "");
  EXPECT_EQ(apply(R"({"memory": {"limit": -1}})"), "");
  EXPECT_EQ(text("memory.swap.max"), "max");
}

TEST_F(Version2Limits, EachUnifiedLineIsWrittenByItself) {
  file("io.max");
  std::string said = apply(R"({"unified": {"io.max": "254:0 rbps=1\n254:16 rbps=2\n"}})");
  if (said == "no cgroup v2 here") GTEST_SKIP() << said;
  EXPECT_EQ(said, "");
  EXPECT_EQ(text("io.max"), "254:16 rbps=2");
}

TEST_F(Version2Limits, AUnifiedFileOfNoControllerIsNamed) {
  std::string said = apply(R"({"unified": {"nothing.max": "1"}})");
  if (said == "no cgroup v2 here") GTEST_SKIP() << said;
  EXPECT_NE(said.find("can't be set: controller \"nothing\" not available"), std::string::npos)
      << said;
}

TEST_F(Version2Limits, AWeightOfADeviceNeedsBfq) {
  file("io.weight");
  constexpr const char* kWeights =
      R"({"blockIO": {"weight": 500, "weightDevice": [{"major": 8, "minor": 0, "weight": 300}]}})";
  std::string said = apply(kWeights);
  if (said == "no cgroup v2 here") GTEST_SKIP() << said;
  EXPECT_EQ(said, "");
  EXPECT_EQ(text("io.weight"), "default 4950");
  file("io.bfq.weight");
  EXPECT_EQ(apply(kWeights), "");
  EXPECT_EQ(text("io.bfq.weight"), "8:0 300");
}

TEST_F(Version2Limits, APeriodKeepsItsQuota) {
  file("cpu.max", "50000 100000\n");
  json::Value period = json::parse(R"({"cpu": {"period": 200000}})").value();
  std::string said = with_group([&](const sys::Cgroup& group) {
    return apply_resources(group, with_present_quota(group, period));
  });
  if (said == "no cgroup v2 here") GTEST_SKIP() << said;
  EXPECT_EQ(said, "");
  EXPECT_EQ(trim(text("cpu.max")), "50000 200000");
}

TEST(CpuQuota, IsOfWholeHundredths) {
  json::Value cpu = json::parse(R"({"cpu": {"quota": 12345}})").value();
  EXPECT_EQ(with_whole_percents(cpu).find("cpu")->integer("quota"), 13000);
  cpu = json::parse(R"({"cpu": {"quota": 30000, "period": 200000}})").value();
  EXPECT_EQ(with_whole_percents(cpu).find("cpu")->integer("quota"), 30000);
}

TEST_F(Version2Limits, AMissingControllerIsNamed) {
  std::string said = apply(R"({"pids": {"limit": 50}})");
  if (said == "no cgroup v2 here") GTEST_SKIP() << said;
  EXPECT_NE(said.find("pids.max"), std::string::npos) << said;
  EXPECT_EQ(text("pids.max"), "(absent)");
}

TEST_F(Version2Limits, WhatOnlyVersion1HasIsRefused) {
  for (const char* resources :
       {R"({"cpu": {"realtimePeriod": 1000}})", R"({"network": {"classID": 1}})"}) {
    std::string said = apply(resources);
    if (said == "no cgroup v2 here") GTEST_SKIP() << said;
    EXPECT_NE(said.find("version 2 cgroups have no"), std::string::npos) << said;
  }
}

TEST_F(Version2Limits, FiguresAreInVersion1Words) {
  file("memory.current", "4096\n");
  file("memory.max", "max\n");
  file("memory.stat", "anon 100\nfile 2048\n");
  file("cpu.stat", "usage_usec 30\nuser_usec 20\nsystem_usec 10\n");
  file("pids.current", "3\n");
  file("cpuset.cpus.effective", "0-1,4\n");
  file("cpu.pressure",
       "some avg10=0.12 avg60=0.50 avg300=0.00 total=77\n"
       "full avg10=0.00 avg60=0.00 avg300=0.00 total=5\n");
  std::string said = with_group([&](const sys::Cgroup& group) {
    return write_file(at("stats"), cgroup_stats(group).dump());
  });
  if (said == "no cgroup v2 here") GTEST_SKIP() << said;
  EXPECT_EQ(said, "");
  json::Value stats = json::parse(read_file(at("stats")).value()).value();
  EXPECT_EQ(stats.find("memory")->find("usage")->integer("usage"), 4096);
  EXPECT_EQ(stats.find("memory")->find("usage")->integer("limit"), 0);
  EXPECT_EQ(stats.find("memory")->integer("cache"), 2048);
  EXPECT_EQ(stats.find("cpu")->find("usage")->integer("total"), 30'000);
  EXPECT_EQ(stats.find("pids")->integer("current"), 3);
  EXPECT_EQ(stats.find("cpuset")->find("cpus")->dump(), "[0,1,4]");
  const json::Value* pressure = stats.find("cpu")->find("psi");
  ASSERT_NE(pressure, nullptr);
  EXPECT_EQ(pressure->find("some")->number("avg10"), 0.12);
  EXPECT_EQ(pressure->find("full")->integer("total"), 5);
  EXPECT_FALSE(stats.find("memory")->has("psi"));
}

}  // namespace
}  // namespace skiff::runtime
