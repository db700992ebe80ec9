// The life of a container under the real monitor program.
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cstring>
#include <thread>

#include "base/strings.h"
#include "runtime/monitor_fixture.h"
#include "sys/cgroup.h"

namespace skiff::runtime {
namespace {

class Monitor : public MonitorFixture {};

bool readable(int fd, int timeout_ms) {
  pollfd polled{fd, POLLIN, 0};
  return ::poll(&polled, 1, timeout_ms) > 0;
}

int monitor_pid(const Path& state_dir) {
  return static_cast<int>(parse_int(trim(read_file(state_dir / "pid").value())).value());
}

TEST_F(Monitor, TellsTheExitCodeAndWritesItDown) {
  MonitorClient monitor = run("exit 3");
  ExitStatus status = monitor.wait().value();
  EXPECT_EQ(status.code, 3);
  EXPECT_FALSE(status.oom_killed);
  EXPECT_LT(Clock::system().now() - status.finished, std::chrono::seconds(60));
  ExitStatus written = read_exit_file(options_.exit_file).value();
  EXPECT_EQ(written.code, 3);
  EXPECT_EQ(written.finished, status.finished);
  EXPECT_EQ(monitor.wait()->code, 3);
  remove(monitor);
}

TEST_F(Monitor, NothingRunsBeforeTheStart) {
  set_script("echo ran");
  MonitorClient monitor = spawn();
  EXPECT_GT(monitor.pid(), 0);
  EXPECT_EQ(::kill(monitor.pid(), 0), 0);
  EXPECT_EQ(read_exit_file(options_.exit_file).error().code(), Code::kNotFound);
  UniqueFd stream = monitor.attach(false).value();
  EXPECT_FALSE(readable(stream.get(), 50));
  ASSERT_TRUE(monitor.start());
  EXPECT_EQ(take_frames_apart(read_stream(stream.get())).out, "ran\n");
  EXPECT_EQ(monitor.wait()->code, 0);
  EXPECT_EQ(monitor.start().error().code(), Code::kFailedPrecondition);
  remove(monitor);
}

TEST_F(Monitor, AContainerThatNeverStartedIsRemoved) {
  set_script("true");
  MonitorClient monitor = spawn();
  int pid = monitor.pid();
  remove(monitor);
  EXPECT_TRUE(eventually([&] { return ::kill(pid, 0) != 0; }));
  EXPECT_FALSE(std::filesystem::exists(options_.exit_file));
}

TEST_F(Monitor, AMissingProgramIsToldInDockersWords) {
  spec_.args = {"/bin/none"};
  Result<MonitorClient> monitor = try_spawn();
  Result<> failed = monitor ? monitor->start() : Result<>(monitor.error());
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code(), Code::kNotFound) << failed.error().message();
  EXPECT_NE(failed.error().message().find("/bin/none"), std::string::npos);
  EXPECT_NE(failed.error().message().find("no such file or directory"), std::string::npos)
      << failed.error().message();
}

TEST_F(Monitor, AMissingMonitorProgramIsAnError) {
  program_ = "/none";
  set_script("true");
  EXPECT_EQ(try_spawn().error().message(), "start /none: No such file or directory");
}

TEST_F(Monitor, ASignalEndsItWithItsNumber) {
  MonitorClient monitor = run("trap 'exit 7' TERM; echo ready; while :; do sleep 0.05; done");
  MonitorWatch watch = monitor.watch().value();
  EXPECT_EQ(watch.now().pid, monitor.pid());
  UniqueFd stream = monitor.attach(false).value();
  ASSERT_TRUE(eventually([&] { return logged() == "ready\n"; }));
  EXPECT_FALSE(readable(watch.fd(), 0));
  ASSERT_TRUE(monitor.signal(SIGTERM));
  EXPECT_EQ(monitor.wait()->code, 7);
  std::vector<MonitorState> states;
  ASSERT_TRUE(eventually([&] {
    for (MonitorState& state : watch.read()) states.push_back(std::move(state));
    return watch.over();
  }));
  ASSERT_EQ(states.size(), 1U);
  EXPECT_EQ(states[0].stage, MonitorState::Stage::kEnded);
  EXPECT_EQ(states[0].exit.value().code, 7);
  EXPECT_EQ(monitor.signal(SIGTERM).error().code(), Code::kFailedPrecondition);
  remove(monitor);
}

TEST_F(Monitor, AKillIsCode137) {
  MonitorClient monitor = run("sleep 1000");
  ASSERT_TRUE(monitor.signal(SIGKILL));
  EXPECT_EQ(monitor.wait()->code, 137);
  remove(monitor);
}

// No client waits: the monitor does it by itself.
TEST_F(Monitor, AStopKillsWhatOutlivesItsTime) {
  MonitorClient monitor = run("trap 'echo asked' TERM; echo ready; while :; do sleep 0.02; done");
  ASSERT_TRUE(eventually([&] { return logged() == "ready\n"; }));
  ASSERT_TRUE(monitor.stop({.signal = SIGTERM, .timeout = std::chrono::seconds(3600)}));
  ASSERT_TRUE(eventually([&] { return logged() == "ready\nasked\n"; }));
  EXPECT_EQ(read_exit_file(options_.exit_file).error().code(), Code::kNotFound);
  // The more impatient request counts.
  ASSERT_TRUE(monitor.stop({.signal = SIGTERM, .timeout = std::chrono::milliseconds(300)}));
  ASSERT_TRUE(monitor.stop({.signal = SIGTERM, .timeout = {}}));
  ASSERT_TRUE(eventually([&] { return read_exit_file(options_.exit_file).has_value(); }));
  ExitStatus status = read_exit_file(options_.exit_file).value();
  EXPECT_EQ(status.code, 137);
  EXPECT_TRUE(status.by_hand);
  EXPECT_EQ(monitor.stop({}).error().code(), Code::kFailedPrecondition);
  remove(monitor);
}

TEST_F(Monitor, AStopReachesAPausedContainer) {
  MonitorClient monitor = run("trap 'exit 7' TERM; echo ready; while :; do sleep 0.02; done");
  ASSERT_TRUE(eventually([&] { return logged() == "ready\n"; }));
  ASSERT_TRUE(monitor.pause());
  ASSERT_TRUE(monitor.stop({.timeout = std::chrono::seconds(3600), .by_hand = false}));
  ExitStatus status = monitor.wait().value();
  EXPECT_EQ(status.code, 7);
  EXPECT_FALSE(status.by_hand);
  remove(monitor);
}

TEST_F(Monitor, RemoveEndsWhatRuns) {
  MonitorClient monitor = run("sleep 1000 & sleep 1000");
  int pid = monitor.pid();
  remove(monitor);
  EXPECT_NE(::kill(pid, 0), 0);
  EXPECT_EQ(MonitorClient::connect(options_.state_dir).error().code(), Code::kNotFound);
}

TEST_F(Monitor, AnotherClientFindsAndWaitsForIt) {
  MonitorClient monitor = run("sleep 1000");
  MonitorClient other = MonitorClient::connect(options_.state_dir).value();
  EXPECT_EQ(other.pid(), monitor.pid());
  Result<ExitStatus> status;
  std::thread waiting([&] { status = other.wait(); });
  ASSERT_TRUE(monitor.signal(SIGKILL));
  waiting.join();
  EXPECT_EQ(status.value().code, 137);
  remove(other);
}

TEST_F(Monitor, AWaitIsCancelled) {
  MonitorClient monitor = run("sleep 1000");
  CancelSource source;
  source.cancel();
  EXPECT_EQ(monitor.wait(source.token()).error().code(), Code::kCancelled);
  remove(monitor);
}

TEST_F(Monitor, SignalsByAccidentDoNotEndIt) {
  spec_.args = {"/bin/sleep", "1000"};
  MonitorClient monitor = spawn();
  ASSERT_TRUE(monitor.start());
  int pid = monitor_pid(options_.state_dir);
  for (int number : {SIGTERM, SIGHUP, SIGINT, SIGPIPE, SIGCHLD}) ::kill(pid, number);
  EXPECT_EQ(MonitorClient::connect(options_.state_dir).value().pid(), monitor.pid());
  // Also one that does not execute itself anew gives back what it frees.
  std::string environment = read_file(cat("/proc/", pid, "/environ")).value();
  EXPECT_NE(environment.find("tcache_count=0"), std::string::npos);
  // The container's own process has them all at their defaults (32 and 33 are the C library's).
  std::string status = read_file(cat("/proc/", monitor.pid(), "/status")).value();
  for (const char* mask : {"SigIgn:\t", "SigBlk:\t", "SigCgt:\t"}) {
    std::string hex = status.substr(status.find(mask) + std::strlen(mask), 16);
    EXPECT_EQ(parse_uint(hex, 16).value() & 0x7fffffffU, 0U) << mask << hex;
  }
  remove(monitor);
}

TEST_F(Monitor, AKilledMonitorIsNoticed) {
  MonitorClient monitor = run("sleep 1000");
  MonitorWatch watch = monitor.watch().value();
  int container = monitor.pid();
  ::kill(monitor_pid(options_.state_dir), SIGKILL);
  ASSERT_TRUE(readable(watch.fd(), 10'000));
  EXPECT_TRUE(watch.read().empty());
  EXPECT_TRUE(watch.over());
  EXPECT_EQ(monitor.wait().error().code(), Code::kNotFound);
  EXPECT_EQ(MonitorClient::connect(options_.state_dir).error().code(), Code::kNotFound);
  // What the engine does with an orphan.
  ::kill(container, SIGKILL);
  auto cgroup = sys::Cgroup::open(spec_.cgroup_path).value();
  ASSERT_TRUE(eventually([&] { return ::kill(container, 0) != 0 || cgroup.processes()->empty(); }));
  ASSERT_TRUE(cgroup.remove());
  ASSERT_TRUE(remove_tree(options_.state_dir));
}

TEST_F(Monitor, ACallerThatDiesLeavesNothingOrAWholeMonitor) {
  set_script("sleep 1000");
  write_bundle();
  for (int round = 0; round < 12; ++round) {
    pid_t caller = ::fork();
    if (caller == 0) {
      auto spawned = MonitorClient::spawn(program_, options_);
      ::_exit(spawned ? 0 : 1);
    }
    // Somewhere in its work, which takes some milliseconds.
    ::poll(nullptr, 0, round);
    ::kill(caller, SIGKILL);
    ::waitpid(caller, nullptr, 0);
    // Either it comes to be found, or it is all gone.
    auto settled = [&] {
      auto found = MonitorClient::connect(options_.state_dir);
      if (found) return found->remove().has_value();
      return !has_monitor() && !std::filesystem::exists(options_.state_dir) &&
             sys::Cgroup::open(spec_.cgroup_path)->members().empty();
    };
    EXPECT_TRUE(eventually(settled)) << round;
    expect_nothing_left();
  }
}

TEST_F(Monitor, PauseStopsAndResumeGoesOn) {
  MonitorClient monitor = run("while :; do echo tick; sleep 0.02; done");
  ASSERT_TRUE(eventually([&] { return !log_text().empty(); }));
  ASSERT_TRUE(monitor.pause());
  std::string before;
  // What was in the pipe arrives; then nothing does.
  EXPECT_TRUE(eventually([&] {
    before = log_text();
    ::poll(nullptr, 0, 200);
    return log_text() == before;
  }));
  Result<ExecSession> refused = monitor.exec("e", {.args = {"true"}});
  EXPECT_EQ(refused.error().message(),
            cat("Container ", id_, " is paused, unpause the container before exec"));
  ASSERT_TRUE(monitor.resume());
  EXPECT_TRUE(eventually([&] { return log_text().size() > before.size(); }));
  ASSERT_TRUE(monitor.pause());
  remove(monitor);  // also a paused one
}

TEST_F(Monitor, UpdateChangesLimits) {
  MonitorClient monitor = run("sleep 1000");
  Limits limits;
  limits.pids = 77;
  ASSERT_TRUE(monitor.update(make_oci_resources(limits).value(), {}));
  auto cgroup = sys::Cgroup::open(spec_.cgroup_path).value();
  EXPECT_EQ(trim(cgroup.read("pids", "pids.max").value()), "77");
  remove(monitor);
}

TEST_F(Monitor, OutOfMemoryIsTold) {
  spec_.limits.memory_bytes = 16 << 20;
  spec_.limits.memory_swap_bytes = 16 << 20;
  MonitorClient monitor = run("exec awk 'BEGIN { s = \"x\"; while (1) s = s s }'");
  ExitStatus status = monitor.wait().value();
  EXPECT_EQ(status.code, 137);
  EXPECT_TRUE(status.oom_killed);
  EXPECT_TRUE(read_exit_file(options_.exit_file)->oom_killed);
  remove(monitor);
}

TEST_F(Monitor, AnOutOfMemoryThatTheContainerSurvivesIsToldAtOnce) {
  spec_.limits.memory_bytes = 16 << 20;
  spec_.limits.memory_swap_bytes = 16 << 20;
  MonitorClient monitor = run("sh -c 'tail /dev/zero'; exec sleep 1000");
  MonitorWatch watch = monitor.watch().value();
  uint64_t kills = watch.now().oom_kills;
  EXPECT_TRUE(eventually([&] {
    for (const MonitorState& state : watch.read()) kills = state.oom_kills;
    return kills == 1;
  }));
  EXPECT_EQ(monitor.state()->stage, MonitorState::Stage::kRunning);
  remove(monitor);
}

TEST_F(Monitor, SharedMemoryIsNewForEachMonitor) {
  const Path shm = dir_.path() / "shm";
  spec_.shm = shm;
  options_.shm = SharedMemory{.path = shm, .bytes = 1 << 20, .uid = 5};
  MonitorClient monitor = run("echo in > /dev/shm/f; exec sleep 1000");
  EXPECT_TRUE(eventually([&] { return read_file(shm / "f").value_or("") == "in\n"; }));
  struct stat st{};
  ASSERT_EQ(::stat(shm.c_str(), &st), 0);
  EXPECT_EQ(st.st_uid, 5U);
  EXPECT_EQ(st.st_mode & 07777U, 01777U);
  remove(monitor);
}

TEST_F(Monitor, InTheHostsPidNamespaceAllEndsWithTheFirst) {
  spec_.pid_namespace = "host";
  MonitorClient monitor = run("sleep 1000 & echo $!; exit 4");
  EXPECT_EQ(monitor.wait()->code, 4);
  int child = static_cast<int>(parse_int(trim(logged())).value());
  EXPECT_TRUE(eventually([&] { return ::kill(child, 0) != 0; }));
  remove(monitor);
}

}  // namespace
}  // namespace skiff::runtime
