#include "engine/engine.h"

#include <fcntl.h>

#include <csignal>
#include <thread>

#include "engine/image_claims.h"
#include "engine/test_engine.h"
#include "sys/mounts.h"
#include "sys/namespaces.h"

namespace skiff::engine {
namespace {

using testing::EngineTest;

class Life : public EngineTest {};

TEST_F(Life, RunsToItsEnd) {
  std::string id = create("echo out; echo err >&2; exit 3");
  EXPECT_EQ(info(id).state.status, Status::kCreated);
  start(id);
  EXPECT_EQ(wait(id), 3);
  ContainerInfo after = info(id);
  EXPECT_EQ(after.state.status, Status::kExited);
  EXPECT_EQ(after.state.pid, 0);
  EXPECT_GT(after.state.finished, after.state.started);
  LogOptions only_err;
  only_err.want_stdout = false;
  EXPECT_EQ(logs(id, only_err), "err\n");
}

TEST_F(Life, StartsOnceAndAgain) {
  std::string id = run("sleep 100");
  EXPECT_EQ(*containers().start(id), Effect::kAlready);
  EXPECT_GT(info(id).state.pid, 0);
  EXPECT_EQ(*containers().stop(id, {.timeout = 0}), Effect::kDone);
  EXPECT_EQ(info(id).state.exit_code, 137);
  EXPECT_EQ(*containers().stop(id, {}), Effect::kAlready);
  start(id);
  EXPECT_TRUE(containers().restart(id, {.timeout = 0}));
  EXPECT_EQ(info(id).state.status, Status::kRunning);
}

TEST_F(Life, StopsBySignalWithinItsTime) {
  std::string id = run("trap 'exit 9' TERM; echo ready; while :; do sleep 0.05; done");
  await_log(id, "ready");
  EXPECT_EQ(*containers().stop(id, {.timeout = 20}), Effect::kDone);
  EXPECT_EQ(info(id).state.exit_code, 9);
  Result<> killed = containers().kill(id, "KILL");
  ASSERT_FALSE(killed);
  EXPECT_EQ(killed.error().code(), Code::kFailedPrecondition);
  EXPECT_NE(killed.error().message().find("is not running"), std::string::npos);
}

TEST_F(Life, AProgramThatIsMissingFailsTheStart) {
  CreateRequest wanted = request("");
  wanted.config.run.cmd = std::vector<std::string>{"no-such-program"};
  std::string id = create(std::move(wanted));
  auto started = containers().start(id);
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().code(), Code::kInvalidArgument);
  EXPECT_NE(started.error().message().find("executable file not found"), std::string::npos);
  ContainerInfo after = info(id);
  EXPECT_EQ(after.state.status, Status::kCreated);
  EXPECT_EQ(after.state.exit_code, 127);
  EXPECT_FALSE(after.state.error.empty());
}

TEST_F(Life, PausesAndGoesOn) {
  std::string id = run("sleep 100");
  ASSERT_TRUE(containers().pause(id));
  EXPECT_EQ(info(id).state.status, Status::kPaused);
  EXPECT_FALSE(containers().pause(id));
  EXPECT_FALSE(containers().start(id));
  EXPECT_FALSE(streams().create_exec(id, {.command = {"true"}}));
  EXPECT_EQ(containers().counters().paused, 1);
  ASSERT_TRUE(containers().unpause(id));
  EXPECT_FALSE(containers().unpause(id));
  EXPECT_EQ(containers().counters().running, 1);
  ASSERT_TRUE(containers().pause(id));
  EXPECT_EQ(*containers().stop(id, {.timeout = 0}), Effect::kDone);
}

TEST_F(Life, RemovesItselfWithItsVolumes) {
  CreateRequest wanted = request("true");
  wanted.host_config.auto_remove = true;
  wanted.config.run.volumes = {"/data"};
  std::string id = create(std::move(wanted));
  EXPECT_EQ(engine_->volumes().list({})->size(), 1U);
  auto removed = containers().wait(id, WaitCondition::kRemoved);
  start(id);
  EXPECT_EQ((*removed)->wait({})->exit_code, 0);
  EXPECT_EQ(containers().get(id).error().message(), cat("No such container: ", id));
  EXPECT_TRUE(engine_->volumes().list({})->empty());
  EXPECT_FALSE(std::filesystem::exists(options_.root / "containers" / id));
}

TEST_F(Life, AVolumeNeverLosesItsDirectory) {
  std::jthread remover([this](const std::stop_token& stop) {
    while (!stop.stop_requested()) (void)engine_->volumes().remove("vol", true);
  });
  for (int i = 0; i < 200; ++i) {
    ASSERT_TRUE(engine_->volumes().create({.name = "vol"}));
  }
  remover = {};
  auto left = engine_->volumes().create({.name = "vol"});
  ASSERT_TRUE(left) << left.error().message();
  EXPECT_TRUE(std::filesystem::is_directory(left->mountpoint));
  EXPECT_TRUE(engine_->volumes().remove("vol", false));
}

TEST_F(Life, AFailedStartRemovesItToo) {
  CreateRequest wanted = request("");
  wanted.config.run.cmd = std::vector<std::string>{"no-such-program"};
  wanted.host_config.auto_remove = true;
  std::string id = create(std::move(wanted));
  auto removed = containers().wait(id, WaitCondition::kRemoved);
  EXPECT_FALSE(containers().start(id));
  EXPECT_EQ((*removed)->wait({})->exit_code, 127);
}

TEST_F(Life, RemovalOfARunningOneNeedsForce) {
  std::string id = run("sleep 100");
  Result<> refused = containers().remove(id, {});
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message().find("container is running"), std::string::npos);
  EXPECT_TRUE(containers().remove(id, {.force = true}));
}

TEST_F(Life, NamesCanBeChangedAndAreKept) {
  CreateRequest wanted = request("true");
  wanted.name = "first";
  std::string id = create(std::move(wanted));
  CreateRequest second = request("true");
  second.name = "second";
  create(std::move(second));
  EXPECT_EQ(containers().rename("first", "second").error().code(), Code::kAlreadyExists);
  ASSERT_TRUE(containers().rename("first", "third"));
  EXPECT_EQ(info("third").id, id);
  EXPECT_FALSE(containers().get("first"));
  reopen();
  EXPECT_EQ(info("third").id, id);
}

TEST_F(Life, UpdateReachesTheKernel) {
  std::string id = run("sleep 100");
  UpdateRequest update;
  update.resources = json::object({{"Memory", 64 << 20}, {"PidsLimit", 17}});
  update.restart_policy = RestartPolicy{"always", 0};
  auto updated = containers().update(id, update);
  ASSERT_TRUE(updated) << updated.error().message();
  EXPECT_EQ(info(id).host_config.resources.memory, 64 << 20);
  EXPECT_EQ(info(id).host_config.restart_policy.name, "always");
  auto group = *sys::Cgroup::open(cat(options_.cgroup_parent, "/", id));
  EXPECT_EQ(std::string(trim(*group.read("pids", "pids.max"))), "17");
  // What says nothing changes nothing; 0 and less is no limit.
  update.resources = json::object({{"Memory", 64 << 20}});
  ASSERT_TRUE(containers().update(id, update));
  EXPECT_EQ(std::string(trim(*group.read("pids", "pids.max"))), "17");
  update.resources = json::object({{"PidsLimit", -1}});
  ASSERT_TRUE(containers().update(id, update));
  EXPECT_EQ(std::string(trim(*group.read("pids", "pids.max"))), "max");
  EXPECT_EQ(info(id).host_config.resources.pids_limit, 0);
}

TEST_F(Life, TheImageIsInUse) {
  std::string id = create("sleep 100");
  auto image = *images_->find("box");
  EXPECT_EQ(engine_->image_user(image.id).container, id);
  EXPECT_FALSE(engine_->image_user(image.id).running);
  start(id);
  EXPECT_TRUE(engine_->image_user(image.id).running);
  EXPECT_EQ(engine_->image_user(oci::Digest::of("x")).container, "");
}

// Of a container that came, or began to be made, after the prune had looked for one.
TEST_F(Life, AnImageThatIsUsedMeanwhileIsNotPruned) {
  const auto image = *images_->find("box");
  int asked = 0;
  const auto used_since = [&](const oci::Digest&) {
    return images::ImageUser(++asked == 1 ? "" : "c0ffee");
  };
  const Filters all = {{"dangling", {"false"}}};
  const auto pruned = prune_images(*images_, all, used_since, Clock::system().now());
  ASSERT_TRUE(pruned) << pruned.error().message();
  EXPECT_TRUE(pruned->removed.empty());
  EXPECT_EQ(asked, 2);
  EXPECT_TRUE(images_->find("box"));

  ImageClaims claims;
  {
    const auto claim = claims.claim("c0ffee", image.id.str());
    EXPECT_EQ(claims.container_of(image.id.str()), "c0ffee");
    EXPECT_EQ(claims.container_of("another"), "");
  }
  EXPECT_EQ(claims.container_of(image.id.str()), "");
}

// Runs something the first time that it is asked while armed.
class RunningClock : public Clock {
 public:
  mutable std::function<void()> next;
  TimePoint now() const override {
    if (auto run = std::exchange(next, nullptr)) run();
    return Clock::system().now();
  }
};

TEST_F(Life, AnImageOfAContainerThatIsBeingMadeIsNotPruned) {
  RunningClock clock;
  engine_.reset();
  engine_ = *open_engine(options_, *images_, *networks_, clock);
  size_t pruned = 0;
  clock.next = [&] {
    const auto in_use = [&](const oci::Digest& id) { return engine_->image_user(id); };
    const auto done =
        prune_images(*images_, {{"dangling", {"false"}}}, in_use, Clock::system().now());
    EXPECT_TRUE(done && done->removed.empty());
    ++pruned;
  };
  create("true");
  EXPECT_EQ(pruned, 1u);
  EXPECT_TRUE(images_->find("box"));
  reopen();  // the clock goes
}

TEST_F(Life, PruneTakesWhatDoesNotRun) {
  std::string running = run("sleep 100");
  std::string stopped = run("true");
  wait(stopped);
  auto pruned = containers().prune({});
  ASSERT_TRUE(pruned);
  EXPECT_EQ(pruned->removed, std::vector<std::string>{stopped});
  EXPECT_EQ(containers().list({.all = true})->size(), 1U);
  EXPECT_FALSE(containers().prune({{"bogus", {"1"}}}));
}

TEST_F(Life, HealthIsProbed) {
  CreateRequest wanted = request("sleep 100");
  wanted.config.run.healthcheck =
      oci::Healthcheck{.test = {"CMD-SHELL", "echo fine"}, .interval_ns = 50'000'000};
  auto events = *engine_->events().subscribe({});
  std::string id = run(std::move(wanted));
  for (;;) {
    auto event = events->next({});
    ASSERT_TRUE(event && *event);
    if ((*event)->action == "health_status: healthy") break;
  }
  auto health = info(id).state.health;
  ASSERT_TRUE(health);
  EXPECT_EQ(health->status, "healthy");
  EXPECT_EQ(health->log.at(0).output, "fine\n");
}

class Recovery : public EngineTest {
 protected:
  // What a daemon that is killed leaves: its containers, as they are.
  int monitor_pid(const std::string& id) {
    std::string text = read_file(options_.run_dir / "containers" / id / "monitor/pid").value_or("");
    return static_cast<int>(parse_int(trim(text)).value_or(0));
  }
};

TEST_F(Recovery, FindsARunningContainerAgain) {
  std::string id = run("echo up; sleep 100");
  await_log(id, "up");
  ContainerInfo before = info(id);
  reopen();
  ContainerInfo after = info(id);
  EXPECT_EQ(after.state.status, Status::kRunning);
  EXPECT_EQ(after.state.pid, before.state.pid);
  ASSERT_TRUE(after.networks.at(0).endpoint);
  EXPECT_EQ(after.networks.at(0).endpoint->ip, before.networks.at(0).endpoint->ip);
  EXPECT_EQ(logs(id), "up\n");
  ASSERT_TRUE(containers().kill(id, "KILL"));
  EXPECT_EQ(info(id).state.exit_code, 137);
}

TEST_F(Recovery, ReadsHowOneEndedMeanwhile) {
  std::string id = run("until test -e /go; do sleep 0.02; done; echo last; exit 5");
  auto exec = *streams().create_exec(id, {.command = {"sh", "-c", "sleep 0.2; touch /go"}});
  ASSERT_TRUE(streams().start_exec_detached(exec, {.detach = true}));
  engine_.reset();
  Path exit_file = options_.root / "containers" / id / "exit.json";
  while (!std::filesystem::exists(exit_file)) ::usleep(5000);
  open();
  EXPECT_EQ(info(id).state.status, Status::kExited);
  EXPECT_EQ(info(id).state.exit_code, 5);
  EXPECT_EQ(logs(id), "last\n");
}

TEST_F(Recovery, EndsWhatAKilledMonitorLeft) {
  std::string id = run("sleep 100");
  int pid = info(id).state.pid;
  uint64_t started = *sys::process_start_time(pid);
  int monitor = monitor_pid(id);
  ASSERT_GT(monitor, 0);
  engine_.reset();
  ASSERT_EQ(::kill(monitor, SIGKILL), 0);
  open();
  EXPECT_EQ(wait(id), 137);
  EXPECT_FALSE(sys::process_alive(pid, started));
  start(id);
  EXPECT_EQ(info(id).state.status, Status::kRunning);
}

TEST_F(Recovery, NoticesAMonitorThatIsKilled) {
  std::string id = run("sleep 100");
  ASSERT_EQ(::kill(monitor_pid(id), SIGKILL), 0);
  EXPECT_EQ(wait(id), 137);
}

TEST_F(Recovery, KeepsAPausedContainerPaused) {
  std::string id = run("sleep 100");
  ASSERT_TRUE(containers().pause(id));
  reopen();
  EXPECT_EQ(info(id).state.status, Status::kPaused);
  EXPECT_TRUE(containers().unpause(id));
}

TEST_F(Recovery, StartsWhatItsPolicyWants) {
  CreateRequest wanted = request("sleep 100");
  wanted.host_config.restart_policy = {"always", 0};
  std::string id = run(std::move(wanted));
  ASSERT_TRUE(containers().stop(id, {.timeout = 0}));
  auto stays = run("true");
  wait(stays);
  engine_.reset();
  open();
  auto events = *engine_->events().subscribe({.since = TimePoint()});
  while (info(id).state.status != Status::kRunning) {
    auto event = events->next({});
    ASSERT_TRUE(event && *event);
  }
  EXPECT_EQ(info(stays).state.status, Status::kExited);
}

TEST_F(Recovery, StopsContainersOnShutdownWhereAsked) {
  options_.stop_containers_on_shutdown = true;
  engine_.reset();
  open();
  CreateRequest wanted = request("sleep 100");
  wanted.config.stop_timeout = 0;
  wanted.host_config.restart_policy = {"unless-stopped", 0};
  std::string id = run(std::move(wanted));
  int pid = info(id).state.pid;
  uint64_t started = *sys::process_start_time(pid);
  engine_.reset();
  EXPECT_FALSE(sys::process_alive(pid, started));
  open();
  auto events = *engine_->events().subscribe({.since = TimePoint()});
  while (info(id).state.status != Status::kRunning) {
    auto event = events->next({});
    ASSERT_TRUE(event && *event);
  }
}

TEST_F(Recovery, RemovesLeftovers) {
  std::string id = create("true");
  engine_.reset();
  std::string stranger = random_hex(64);
  ASSERT_TRUE(make_directories(options_.root / "containers" / stranger));
  ASSERT_TRUE(make_directories(options_.run_dir / "containers" / stranger / "rootfs"));
  ASSERT_TRUE(
      images_->snapshots().prepare("container-" + stranger, images_->find("box")->snapshot_name()));
  // A layer was just being made.
  const Path half_made = options_.run_dir / "scratch/init-x";
  ASSERT_TRUE(make_directories(half_made));
  {
    UniqueFd target = *open_file(half_made, O_PATH | O_DIRECTORY);
    UniqueFd mount = *sys::new_filesystem({.type = "tmpfs"});
    ASSERT_TRUE(sys::attach_mount(mount.get(), target.get()));
  }
  open();
  EXPECT_FALSE(std::filesystem::exists(half_made));
  EXPECT_FALSE(std::filesystem::exists(options_.root / "containers" / stranger));
  EXPECT_FALSE(std::filesystem::exists(options_.run_dir / "containers" / stranger));
  EXPECT_FALSE(images_->snapshots().stat("container-" + stranger));
  EXPECT_TRUE(images_->snapshots().stat("container-" + id));
}

}  // namespace
}  // namespace skiff::engine
