#include "runtime/monitor_pool.h"

#include <poll.h>
#include <signal.h>

#include <cstdlib>

#include "base/strings.h"
#include "runtime/monitor_fixture.h"
#include "sys/cgroup.h"
#include "sys/namespaces.h"

namespace skiff::runtime {
namespace {

class MonitorPoolTest : public MonitorFixture {
 protected:
  MonitorPoolTest() { ::setenv("SKIFF_TEST_POOL", id_.c_str(), 1); }
  ~MonitorPoolTest() override {
    EXPECT_TRUE(eventually([this] { return monitors().empty(); })) << "a spare monitor is left";
    ::unsetenv("SKIFF_TEST_POOL");
  }

  // Those that this test has started, in whatever way.
  std::vector<pid_t> monitors() const {
    const std::string mark = cat("SKIFF_TEST_POOL=", id_);
    std::vector<pid_t> found;
    for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
      const auto pid = parse_int(entry.path().filename().native());
      if (!pid || read_file(entry.path() / "comm").value_or("") != "skiff-monitor\n") continue;
      const std::string environment = read_file(entry.path() / "environ").value_or("");
      if (environment.find(mark) != std::string::npos) found.push_back(static_cast<pid_t>(*pid));
    }
    return found;
  }

  void fill(MonitorPool& pool, size_t spares) {
    pool.refill();
    ASSERT_TRUE(eventually([&] { return pool.spares() == spares; }));
  }

  MonitorClient spawn_from(MonitorPool& pool) {
    NewMonitor fresh = begun(pool);
    MonitorClient monitor = created(fresh);
    EXPECT_TRUE(fresh.keep());
    return monitor;
  }

  NewMonitor begun(MonitorPool& pool) {
    write_bundle();
    Result<NewMonitor> fresh = pool.take();
    if (!fresh) throw std::runtime_error(fresh.error().message());
    EXPECT_TRUE(fresh->begin_creation(options_));
    return std::move(*fresh);
  }

  static MonitorClient created(NewMonitor& fresh) {
    fresh.give_root();
    Result<MonitorClient> monitor = fresh.created();
    if (!monitor) throw std::runtime_error(monitor.error().message());
    return std::move(*monitor);
  }

  bool has_cgroup() const { return !sys::Cgroup::open(spec_.cgroup_path)->members().empty(); }
};

TEST_F(MonitorPoolTest, ASpareMonitorTakesTheContainerAndShowsItsId) {
  MonitorPool pool(program_, 1);
  fill(pool, 1);
  const std::vector<pid_t> spare = monitors();
  ASSERT_EQ(spare.size(), 1U);
  set_script("exit 3");
  MonitorClient monitor = spawn_from(pool);
  EXPECT_EQ(pool.spares(), 0U);
  const std::string shown = read_file(Path("/proc") / cat(spare[0]) / "cmdline").value();
  EXPECT_NE(shown.find(id_), std::string::npos) << shown;
  ASSERT_TRUE(monitor.start());
  EXPECT_EQ(monitor.wait()->code, 3);
  remove(monitor);
}

// It was made before the container was thought of.
TEST_F(MonitorPoolTest, TheNetworkIsTheContainersAloneAndItsLoopbackIsUp) {
  MonitorPool pool(program_, 2);
  fill(pool, 2);
  set_script("busybox ip -o link; busybox ping -c 1 -W 5 127.0.0.1 > /dev/null && echo reached");
  MonitorClient monitor = spawn_from(pool);
  const sys::NamespaceKind& network = *sys::find_namespace("network");
  const auto own = sys::namespace_of("self", network);
  const auto made = sys::namespace_of(cat(monitor.pid()), network);
  ASSERT_TRUE(own && made);
  EXPECT_FALSE(sys::same_namespace(own->get(), made->get()));
  ASSERT_TRUE(monitor.start());
  EXPECT_EQ(monitor.wait()->code, 0);
  EXPECT_NE(logged().find("reached"), std::string::npos) << logged();
  EXPECT_NE(logged().find("1: lo:"), std::string::npos) << logged();
  EXPECT_EQ(logged().find("2: "), std::string::npos) << logged();
  remove(monitor);
}

TEST_F(MonitorPoolTest, TheNetworkIsTheCallersToWireBeforeThereIsAContainer) {
  MonitorPool pool(program_, 1);
  fill(pool, 1);
  set_script("true");
  NewMonitor fresh = begun(pool);
  ASSERT_GE(fresh.network(), 0);
  MonitorClient monitor = created(fresh);
  const auto own = sys::namespace_of(cat(monitor.pid()), *sys::find_namespace("network"));
  ASSERT_TRUE(own);
  EXPECT_TRUE(sys::same_namespace(own->get(), fresh.network()));
  remove(monitor);
}

TEST_F(MonitorPoolTest, WhatIsAskedAheadIsDoneInTurnAndTheConnectionIsTheWatchs) {
  MonitorPool pool(program_, 1);
  fill(pool, 1);
  set_script("sleep 1000");
  NewMonitor fresh = begun(pool);
  fresh.give_root();
  fresh.ask_start();
  MonitorClient monitor = fresh.created().value();
  MonitorWatch watch = fresh.started().value();
  EXPECT_EQ(watch.now().stage, MonitorState::Stage::kRunning);
  EXPECT_EQ(watch.now().pid, monitor.pid());
  ASSERT_TRUE(monitor.stop({.signal = SIGKILL, .timeout = {}}));
  EXPECT_TRUE(eventually([&] {
    for (const MonitorState& state : watch.read()) {
      if (state.stage == MonitorState::Stage::kEnded) return true;
    }
    return false;
  }));
  remove(monitor);
}

TEST_F(MonitorPoolTest, AFailedCreationLeavesNothingAndAnswersNoStart) {
  MonitorPool pool(program_, 1);
  fill(pool, 1);
  spec_.args = {"no-such-program"};
  NewMonitor fresh = begun(pool);
  fresh.give_root();
  fresh.ask_start();
  EXPECT_EQ(fresh.created().error().code(), Code::kNotFound);
  fresh.give_up();
  EXPECT_FALSE(has_cgroup());
  expect_nothing_left();
}

TEST_F(MonitorPoolTest, OneThatIsGivenUpTakesBackWhatItHasPrepared) {
  MonitorPool pool(program_, 1);
  fill(pool, 1);
  set_script("true");
  NewMonitor fresh = begun(pool);
  ASSERT_TRUE(eventually([this] { return has_cgroup(); }));
  EXPECT_TRUE(std::filesystem::exists(options_.state_dir));
  fresh.give_up();
  EXPECT_FALSE(has_cgroup());
  expect_nothing_left();
}

TEST_F(MonitorPoolTest, ACreatedContainerGoesWithTheCallerThatDoesNotKeepIt) {
  MonitorPool pool(program_, 1);
  fill(pool, 1);
  set_script("sleep 1000");
  {
    NewMonitor fresh = begun(pool);
    const MonitorClient monitor = created(fresh);
    EXPECT_GT(monitor.pid(), 0);
  }
  EXPECT_TRUE(eventually([this] { return !has_cgroup() && !has_monitor(); }));
  expect_nothing_left();
}

// The bundle was there before one could look into the root.
TEST_F(MonitorPoolTest, TheRootMayComeLaterAndTheUserWithIt) {
  MonitorPool pool(program_, 1);
  fill(pool, 1);
  set_script("id -u; id -g; id -G; echo $HOME; grep -E 'Cap(Prm|Eff|Bnd)' /proc/self/status");
  spec_.user_with_root = true;
  spec_.env = {"PATH=/bin"};
  const Path root = spec_.rootfs;
  const Path away = dir_.path() / "not-yet";
  std::filesystem::rename(root, away);
  NewMonitor fresh = begun(pool);
  ASSERT_TRUE(eventually([this] { return has_cgroup(); }));
  std::filesystem::rename(away, root);
  fresh.give_root(ResolvedUser{.uid = 7, .gid = 8, .additional_gids = {8, 9}, .home = "/seven"});
  MonitorClient monitor = fresh.created().value();
  fresh.ask_start();
  ASSERT_TRUE(fresh.started());
  EXPECT_EQ(monitor.wait()->code, 0);
  const std::string none = "0000000000000000";
  EXPECT_EQ(logged().find("7\n8\n8 9\n/seven\nCapPrm:\t" + none + "\nCapEff:\t" + none), 0U)
      << logged();
  EXPECT_EQ(logged().find("CapBnd:\t" + none), std::string::npos) << logged();
  remove(monitor);
}

// In the later runs, too.
TEST_F(MonitorPoolTest, TheUserThatCameWithTheRootIsThatOfEachRun) {
  MonitorPool pool(program_, 1);
  fill(pool, 1);
  set_script("id -u; exit 1");
  spec_.user_with_root = true;
  options_.restart = {.name = "on-failure", .max_retries = 1};
  NewMonitor fresh = begun(pool);
  fresh.give_root(ResolvedUser{.uid = 7, .gid = 8});
  MonitorClient monitor = fresh.created().value();
  fresh.ask_start();
  ASSERT_TRUE(fresh.started());
  EXPECT_EQ(monitor.wait()->code, 1);
  EXPECT_EQ(logged(), "7\n7\n");
  remove(monitor);
}

TEST_F(MonitorPoolTest, ABundleThatIsNoneIsToldToWhoGivesTheRoot) {
  MonitorPool pool(program_, 1);
  fill(pool, 1);
  ASSERT_TRUE(write_file(options_.bundle / "config.json", "{}"));
  NewMonitor fresh = pool.take().value();
  ASSERT_TRUE(fresh.begin_creation(options_));
  fresh.give_root();
  EXPECT_NE(fresh.created().error().message().find("config.json"), std::string::npos);
  expect_nothing_left();
}

TEST_F(MonitorPoolTest, AContainerOfTheHostsNetworkLeavesTheSpareOneAlone) {
  MonitorPool pool(program_, 1);
  fill(pool, 1);
  spec_.network_namespace = "host";
  set_script("true");
  MonitorClient monitor = spawn_from(pool);
  const sys::NamespaceKind& network = *sys::find_namespace("network");
  const auto own = sys::namespace_of("self", network);
  const auto joined = sys::namespace_of(cat(monitor.pid()), network);
  ASSERT_TRUE(own && joined);
  EXPECT_TRUE(sys::same_namespace(own->get(), joined->get()));
  remove(monitor);
}

TEST_F(MonitorPoolTest, OneThatWasKilledIsNotTaken) {
  MonitorPool pool(program_, 1);
  fill(pool, 1);
  const std::vector<pid_t> spare = monitors();
  ASSERT_EQ(spare.size(), 1U);
  const auto pidfd = sys::open_pidfd(spare[0]);
  ASSERT_TRUE(pidfd);
  ASSERT_EQ(::kill(spare[0], SIGKILL), 0);
  // Its end is told last of all, when its descriptors are closed.
  pollfd ended{pidfd->get(), POLLIN, 0};
  ASSERT_EQ(::poll(&ended, 1, 60'000), 1);
  set_script("exit 4");
  MonitorClient monitor = spawn_from(pool);
  ASSERT_TRUE(monitor.start());
  EXPECT_EQ(monitor.wait()->code, 4);
  remove(monitor);
}

TEST_F(MonitorPoolTest, WithoutSparesEachIsStartedWhenItIsWanted) {
  MonitorPool pool(program_, 0);
  pool.refill();
  set_script("exit 5");
  MonitorClient monitor = spawn_from(pool);
  ASSERT_TRUE(monitor.start());
  EXPECT_EQ(monitor.wait()->code, 5);
  remove(monitor);
}

TEST_F(MonitorPoolTest, SparesEndWithThePool) {
  {
    MonitorPool pool(program_, 3);
    fill(pool, 3);
    EXPECT_EQ(monitors().size(), 3U);
  }
  EXPECT_TRUE(eventually([this] { return monitors().empty(); }));
}

TEST_F(MonitorPoolTest, AProgramThatCannotBeStartedIsToldToWhoWantsAContainer) {
  MonitorPool pool("/none", 1);
  pool.refill();
  EXPECT_EQ(pool.take().error().message(), "start /none: No such file or directory");
}

}  // namespace
}  // namespace skiff::runtime
