// Restarts by the real monitor program: no test has a client that does anything for them.
#include <poll.h>
#include <signal.h>

#include <map>

#include "base/strings.h"
#include "runtime/monitor_fixture.h"
#include "sys/cgroup.h"
#include "sys/namespaces.h"

namespace skiff::runtime {
namespace {

using Stage = MonitorState::Stage;

class MonitorRestart : public MonitorFixture {
 protected:
  ExitStatus written() const { return read_exit_file(options_.exit_file).value_or(ExitStatus()); }
  void touch(const char* name) const { ASSERT_TRUE(write_file(spec_.rootfs / name, "")); }
};

// Runs until the file /go is there, and takes it away.
constexpr const char* kUntilGo = "until test -e /go; do sleep 0.02; done; mkdir -p /x; ";

TEST_F(MonitorRestart, FollowsItsPolicyToTheEnd) {
  options_.restart = {.name = "on-failure", .max_retries = 2};
  MonitorClient monitor = run("echo run; exit 3");
  ExitStatus last = monitor.wait().value();
  EXPECT_EQ(last.code, 3);
  EXPECT_EQ(last.restart_count, 2);
  EXPECT_FALSE(last.restarting);
  EXPECT_EQ(logged(), "run\nrun\nrun\n");
  EXPECT_EQ(written().restart_count, 2);
  EXPECT_FALSE(written().restarting);
  MonitorState state = monitor.state().value();
  EXPECT_EQ(state.stage, Stage::kEnded);
  EXPECT_EQ(state.pid, 0);
  EXPECT_EQ(monitor.start().error().code(), Code::kFailedPrecondition);
  remove(monitor);
}

TEST_F(MonitorRestart, ASuccessIsNoFailure) {
  options_.restart = {.name = "on-failure"};
  MonitorClient monitor = run("exit 0");
  EXPECT_EQ(monitor.wait()->restart_count, 0);
  remove(monitor);
}

// Held open, so that none gets the number of one that is gone.
std::map<std::string, UniqueFd> namespaces_of(int pid) {
  std::map<std::string, UniqueFd> out;
  for (const char* kind : {"user", "network", "mount", "pid", "ipc", "uts"}) {
    out[kind] = sys::namespace_of(cat(pid), *sys::find_namespace(kind)).value();
  }
  return out;
}

TEST_F(MonitorRestart, KeepsFilesAndNetworkAndNothingElse) {
  options_.restart = {.name = "always"};
  MonitorClient monitor = run("test -e /kept && echo again; touch /kept; sleep 1000");
  ASSERT_TRUE(eventually([&] { return std::filesystem::exists(spec_.rootfs / "kept"); }));
  auto first = namespaces_of(monitor.pid());
  ASSERT_EQ(::kill(monitor.pid(), SIGKILL), 0);
  ASSERT_TRUE(eventually([&] { return logged() == "again\n"; }));
  auto second = namespaces_of(monitor.state()->pid);
  for (const auto& [kind, fd] : first) {
    const bool kept = kind == "network" || kind == "user";  // that one is the host's
    EXPECT_EQ(sys::same_namespace(fd.get(), second[kind].get()), kept) << kind;
  }
  remove(monitor);
}

// The network namespace belongs to it.
TEST_F(MonitorRestart, KeepsAUserNamespaceOfItsOwn) {
  options_.restart = {.name = "always"};
  set_script("echo 7000 > /proc/sys/net/ipv4/tcp_keepalive_time && echo mine; sleep 1000");
  write_bundle();
  Path file = options_.bundle / "config.json";
  json::Value config = json::parse(read_file(file).value()).value();
  json::Value lx = config.object("linux");
  json::Array namespaces = lx.array("namespaces");
  namespaces.push_back(json::object({{"type", "user"}}));
  lx.set("namespaces", std::move(namespaces));
  json::Value all = json::object({{"containerID", 0}, {"hostID", 0}, {"size", 65536}});
  for (const char* mappings : {"uidMappings", "gidMappings"}) lx.set(mappings, json::Array{all});
  lx.set("readonlyPaths", json::Array());
  lx.set("sysctl", json::object());
  config.set("linux", std::move(lx));
  ASSERT_TRUE(write_file(file, config.dump()));
  Result<MonitorClient> monitor = MonitorClient::spawn(program_, options_);
  ASSERT_TRUE(monitor) << monitor.error().message();
  ASSERT_TRUE(monitor->start());
  ASSERT_TRUE(eventually([&] { return logged() == "mine\n"; })) << logged();
  auto first = namespaces_of(monitor->pid());
  ASSERT_EQ(::kill(monitor->pid(), SIGKILL), 0);
  ASSERT_TRUE(eventually([&] { return logged() == "mine\nmine\n"; })) << logged();
  auto second = namespaces_of(monitor->state()->pid);
  for (const char* kind : {"user", "network"}) {
    EXPECT_TRUE(sys::same_namespace(first[kind].get(), second[kind].get())) << kind;
  }
  remove(*monitor);
}

TEST_F(MonitorRestart, AStopCallsItOff) {
  options_.restart = {.name = "always"};
  MonitorClient monitor = run("exit 1");
  // From here on it waits for longer than it runs.
  ASSERT_TRUE(eventually([&] {
    MonitorState now = monitor.state().value();
    return now.stage == Stage::kRestarting && now.restart_count >= 5;
  }));
  EXPECT_TRUE(written().restarting);
  ASSERT_TRUE(monitor.stop({.timeout = std::chrono::seconds(3600)}));
  ExitStatus last = monitor.wait().value();
  EXPECT_EQ(last.code, 1);
  EXPECT_TRUE(last.by_hand);
  EXPECT_FALSE(written().restarting);
  EXPECT_EQ(monitor.state()->stage, Stage::kEnded);
  remove(monitor);
}

TEST_F(MonitorRestart, WhatIsEndedByHandStaysDown) {
  options_.restart = {.name = "always"};
  MonitorClient monitor = run("sleep 1000");
  ASSERT_TRUE(monitor.signal(SIGKILL));
  ExitStatus last = monitor.wait().value();
  EXPECT_EQ(last.code, 137);
  EXPECT_EQ(last.restart_count, 0);
  remove(monitor);
}

TEST_F(MonitorRestart, AKillBySomebodyElseIsNoStop) {
  options_.restart = {.name = "unless-stopped"};
  MonitorClient monitor = run("echo run; sleep 1000");
  ASSERT_TRUE(eventually([&] { return logged() == "run\n"; }));
  ASSERT_EQ(::kill(monitor.pid(), SIGKILL), 0);
  ASSERT_TRUE(eventually([&] { return logged() == "run\nrun\n"; }));
  MonitorState now = monitor.state().value();
  EXPECT_EQ(now.stage, Stage::kRunning);
  EXPECT_NE(now.pid, monitor.pid());
  EXPECT_EQ(now.restart_count, 1);
  EXPECT_EQ(now.exit.value().code, 137);
  EXPECT_FALSE(now.exit->by_hand);
  remove(monitor);  // also a run that is not the first
}

TEST_F(MonitorRestart, WhoWatchesSeesEachStep) {
  options_.restart = {.name = "on-failure", .max_retries = 1};
  set_script("exit 5");
  MonitorClient monitor = spawn();
  MonitorWatch watch = monitor.watch().value();
  EXPECT_EQ(watch.now().stage, Stage::kCreated);
  EXPECT_FALSE(watch.now().exit);
  ASSERT_TRUE(monitor.start());
  std::vector<MonitorState> seen;
  ASSERT_TRUE(eventually([&] {
    for (MonitorState& state : watch.read()) seen.push_back(std::move(state));
    return watch.over();
  }));
  ASSERT_EQ(seen.size(), 4U);
  const Stage stages[] = {Stage::kRunning, Stage::kRestarting, Stage::kRunning, Stage::kEnded};
  const int counts[] = {0, 1, 1, 1};
  for (size_t i = 0; i < seen.size(); ++i) {
    EXPECT_EQ(seen[i].stage, stages[i]) << i;
    EXPECT_EQ(seen[i].restart_count, counts[i]) << i;
    EXPECT_EQ(seen[i].pid != 0, stages[i] == Stage::kRunning) << i;
  }
  EXPECT_EQ(seen[0].started, seen[1].started);
  EXPECT_LT(seen[1].started, seen[2].started);
  EXPECT_NE(seen[1].exit.value().finished, seen[3].exit.value().finished);
  remove(monitor);
}

TEST_F(MonitorRestart, AClientLeavesWithItsRun) {
  options_.restart = {.name = "always"};
  set_script(cat(kUntilGo, "echo out; exit 1"));
  MonitorClient monitor = spawn();
  UniqueFd first = monitor.attach(false).value();
  ASSERT_TRUE(monitor.start());
  touch("go");
  EXPECT_EQ(take_frames_apart(read_stream(first.get())).out, "out\n");
  ASSERT_TRUE(std::filesystem::remove(spec_.rootfs / "go"));
  // Another run's client sees that one's output.
  ASSERT_TRUE(eventually([&] { return monitor.state()->stage == Stage::kRunning; }));
  UniqueFd second = monitor.attach(false).value();
  touch("go");
  std::string seen = take_frames_apart(read_stream(second.get())).out;
  EXPECT_TRUE(seen == "out\n" || seen.empty()) << seen;
  remove(monitor);
}

TEST_F(MonitorRestart, WhatCannotBeStartedAgainEnds) {
  options_.restart = {.name = "always"};
  MonitorClient monitor = run(cat(kUntilGo, "exit 4"));
  ASSERT_TRUE(std::filesystem::remove(options_.bundle / "config.json"));
  touch("go");
  ExitStatus last = monitor.wait().value();
  EXPECT_EQ(last.code, 4);
  EXPECT_FALSE(last.restarting);
  EXPECT_NE(last.restart_error.find("config.json"), std::string::npos) << last.restart_error;
  EXPECT_EQ(written().restart_error, last.restart_error);
  EXPECT_EQ(monitor.attach(false)->get() >= 0, true);
  remove(monitor);
}

TEST_F(MonitorRestart, AChangedPolicyAndLimitsHoldForTheNextRun) {
  MonitorClient monitor = run(cat(kUntilGo, "exit 4"));
  Limits limits;
  limits.pids = 77;
  ASSERT_TRUE(monitor.update(make_oci_resources(limits).value(),
                             RestartPolicy{.name = "on-failure", .max_retries = 1}));
  touch("go");
  ASSERT_TRUE(eventually([&] { return monitor.state()->restart_count == 1; }));
  ASSERT_TRUE(std::filesystem::remove(spec_.rootfs / "go"));
  ASSERT_TRUE(eventually([&] { return monitor.state()->stage != Stage::kRestarting; }));
  if (monitor.state()->stage == Stage::kRunning) {
    auto cgroup = sys::Cgroup::open(spec_.cgroup_path).value();
    EXPECT_EQ(trim(cgroup.read("pids", "pids.max").value_or("")), "77");
  }
  remove(monitor);
}

TEST_F(MonitorRestart, ARemovalBetweenTwoRunsLeavesNothing) {
  options_.restart = {.name = "always"};
  MonitorClient monitor = run("exit 1");
  ASSERT_TRUE(eventually([&] {
    MonitorState now = monitor.state().value();
    return now.stage == Stage::kRestarting && now.restart_count >= 3;
  }));
  remove(monitor);
}

}  // namespace
}  // namespace skiff::runtime
