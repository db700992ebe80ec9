// Restarts as the engine sees them; that they happen is the monitor's
// (runtime/monitor_restart_test.cpp).
#include <poll.h>

#include <csignal>

#include "engine/engine.h"
#include "engine/test_engine.h"
#include "runtime/monitor_client.h"

namespace skiff::engine {
namespace {

using testing::EngineTest;

class Restarts : public EngineTest {
 protected:
  static CreateRequest always(const std::string& script) {
    CreateRequest wanted = request(script);
    wanted.host_config.restart_policy = {"always", 0};
    return wanted;
  }
  Path monitor_directory(const std::string& id) const {
    return options_.run_dir / "containers" / id / "monitor";
  }
  void kill_monitor(const std::string& id) const {
    std::string pid = read_file(monitor_directory(id) / "pid").value_or("");
    ASSERT_EQ(::kill(static_cast<int>(parse_int(trim(pid)).value()), SIGKILL), 0);
  }
};

TEST_F(Restarts, AreToldAsTheyHappen) {
  CreateRequest wanted = request("exit 1");
  wanted.host_config.restart_policy = {"on-failure", 2};
  std::string id = create(std::move(wanted));
  auto events = *engine_->events().subscribe({});
  start(id);
  int deaths = 0;
  while (deaths < 3) {
    auto event = events->next({});
    ASSERT_TRUE(event && *event);
    deaths += (*event)->action == "die" ? 1 : 0;
  }
  EXPECT_EQ(wait(id), 1);
  EXPECT_EQ(info(id).restart_count, 2);
}

TEST_F(Restarts, OfTheTimeBetweenTwoDaemonsAreFound) {
  std::string id = run(always("echo up; sleep 1000"));
  await_log(id, "up\n");
  ContainerInfo before = info(id);
  engine_.reset();
  ASSERT_EQ(::kill(before.state.pid, SIGKILL), 0);
  auto monitor = runtime::MonitorClient::connect(monitor_directory(id));
  ASSERT_TRUE(monitor);
  ASSERT_TRUE(eventually([&] {
    auto state = *monitor->state();
    return state.restart_count == 1 && state.stage == runtime::MonitorState::Stage::kRunning;
  }));
  open();
  ContainerInfo after = info(id);
  EXPECT_EQ(after.state.status, Status::kRunning);
  EXPECT_EQ(after.restart_count, 1);
  EXPECT_EQ(after.state.exit_code, 137);
  EXPECT_EQ(after.state.pid, monitor->state()->pid);
  EXPECT_GT(after.state.started, before.state.started);
  EXPECT_GT(after.state.finished, before.state.started);
  ASSERT_TRUE(after.networks.at(0).endpoint);
  EXPECT_EQ(after.networks.at(0).endpoint->ip, before.networks.at(0).endpoint->ip);
}

TEST_F(Restarts, FollowALostMonitor) {
  std::string id = run(always("echo up; sleep 1000"));
  await_log(id, "up\n");
  int first = info(id).state.pid;
  kill_monitor(id);
  ASSERT_TRUE(eventually([&] {
    ContainerInfo now = info(id);
    return now.state.status == Status::kRunning && now.restart_count == 1;
  }));
  EXPECT_NE(info(id).state.pid, first);
}

TEST_F(Restarts, AnotherDaemonsStartForgetsAStopByHand) {
  std::string id = run(always("echo up; sleep 1000"));
  await_log(id, "up\n");
  ASSERT_TRUE(containers().stop(id, {.timeout = 0}));
  reopen();
  ASSERT_TRUE(eventually([&] { return logs(id) == "up\nup\n"; }));
  kill_monitor(id);
  EXPECT_TRUE(eventually([&] {
    ContainerInfo now = info(id);
    return now.state.status == Status::kRunning && now.restart_count == 1;
  }));
}

TEST_F(Restarts, AreCalledOffByAStop) {
  std::string id = run(always("exit 3"));
  ASSERT_TRUE(eventually([&] { return info(id).state.status == Status::kRestarting; }));
  auto refused = streams().create_exec(id, {.command = {"true"}});
  if (!refused) {
    EXPECT_NE(refused.error().message().find("is restarting"), std::string::npos)
        << refused.error().message();
  }
  EXPECT_EQ(*containers().stop(id, {}), Effect::kDone);
  EXPECT_EQ(info(id).state.status, Status::kExited);
  EXPECT_EQ(info(id).state.exit_code, 3);
  EXPECT_EQ(*containers().stop(id, {}), Effect::kAlready);
}

TEST_F(Restarts, BetweenTwoRunsARemovalIsOne) {
  std::string id = run(always("exit 3"));
  ASSERT_TRUE(eventually([&] { return info(id).restart_count >= 3; }));
  ASSERT_TRUE(containers().remove(id, {.force = true}));
  EXPECT_FALSE(containers().get(id));
}

}  // namespace
}  // namespace skiff::engine
