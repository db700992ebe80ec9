// What is made of a new container's start before that is asked for: it goes on from there, and
// nothing of it is ever seen, whatever comes in between.
#include <signal.h>

#include <algorithm>

#include "engine/test_engine.h"

namespace skiff::engine {
namespace {

using testing::EngineTest;

class StartsAhead : public EngineTest {
 protected:
  // The process that waits for the start, or runs; 0 where there is none.
  pid_t process_of(const std::string& id) {
    auto group = sys::Cgroup::open(cat(options_.cgroup_parent, "/", id));
    if (!group) return 0;
    const auto processes = group->processes().value_or(std::vector<pid_t>());
    return processes.empty() ? 0 : processes.front();
  }
  pid_t await_prepared(const std::string& id) {
    EXPECT_TRUE(eventually([&] { return process_of(id) != 0; }));
    return process_of(id);
  }
  int start_to_end(const std::string& id) {
    start(id);
    return wait(id);
  }
  bool has_root(const std::string& id) {
    const std::string root = (options_.run_dir / "containers" / id / "rootfs").native();
    return read_file("/proc/self/mountinfo").value_or("").find(root) != std::string::npos;
  }
  void expect_nothing(const std::string& id) {
    EXPECT_EQ(process_of(id), 0);
    EXPECT_FALSE(has_root(id));
    EXPECT_FALSE(std::filesystem::exists(options_.run_dir / "containers" / id));
  }
};

TEST_F(StartsAhead, TheProcessThatWaitsIsTheOneThatRuns) {
  const std::string id = create("exec sleep 100");
  const pid_t waiting = await_prepared(id);
  EXPECT_EQ(info(id).state.status, Status::kCreated);
  EXPECT_EQ(info(id).state.pid, 0);
  start(id);
  EXPECT_EQ(info(id).state.pid, waiting);
  EXPECT_EQ(info(id).state.status, Status::kRunning);
}

TEST_F(StartsAhead, ItHasItsNetworkAndItsOutput) {
  const std::string id = create("cat /etc/hosts; cat /proc/net/dev");
  await_prepared(id);
  EXPECT_TRUE(networks_->endpoints(networks_->find("bridge")->id)->empty());
  EXPECT_EQ(start_to_end(id), 0);
  EXPECT_NE(logs(id).find("eth0"), std::string::npos) << logs(id);
  EXPECT_NE(logs(id).find(info(id).config.hostname), std::string::npos) << logs(id);
}

TEST_F(StartsAhead, AChangeInBetweenHolds) {
  CreateRequest wanted = request("exec sleep 100");
  wanted.host_config.resources.pids_limit = 30;
  const std::string id = create(std::move(wanted));
  await_prepared(id);
  UpdateRequest update;
  update.resources = json::object({{"PidsLimit", 17}});
  ASSERT_TRUE(containers().update(id, update));
  expect_nothing(id);
  start(id);
  auto group = sys::Cgroup::open(cat(options_.cgroup_parent, "/", id));
  ASSERT_TRUE(group);
  EXPECT_EQ(group->read("pids", "pids.max").value_or(""), "17\n");
}

TEST_F(StartsAhead, FilesCopiedInBetweenAreSeen) {
  // Its user is there only when the copy is.
  CreateRequest wanted = request("id -u");
  wanted.config.run.user = "late";
  const std::string id = create(std::move(wanted));
  StringSink sink;
  TarWriter tar(sink);
  const std::string passwd = "late:x:1234:1234::/:/bin/sh\n";
  StringSource body(passwd);
  TarEntry entry{.name = "passwd", .mode = 0644};
  entry.size = passwd.size();
  ASSERT_TRUE(tar.add_file(entry, body));
  ASSERT_TRUE(tar.finish());
  const std::string archive = sink.take();
  StringSource source(archive);
  Result<> put = files().put_archive(id, "/etc", source, {});
  ASSERT_TRUE(put) << put.error().message();
  EXPECT_EQ(start_to_end(id), 0);
  EXPECT_EQ(logs(id), "1234\n");
}

TEST_F(StartsAhead, OneThatIsKilledMeanwhileIsMadeAnew) {
  const std::string id = create("exec sleep 100");
  const pid_t waiting = await_prepared(id);
  const Path last_file = options_.run_dir / "containers" / id / "monitor/pid";
  ASSERT_TRUE(eventually([&] { return std::filesystem::exists(last_file); }));
  ASSERT_EQ(::kill(waiting, SIGKILL), 0);
  EXPECT_TRUE(eventually([&] { return process_of(id) == 0; }));
  start(id);
  EXPECT_EQ(info(id).state.status, Status::kRunning);
  EXPECT_NE(info(id).state.pid, waiting);
}

TEST_F(StartsAhead, WhatIsBoundIsLookedUpAtTheStart) {
  CreateRequest wanted = request("cat /bound/file");
  const Path source = dir_.path() / "bound";
  ASSERT_TRUE(make_directories(source));
  wanted.host_config.binds = {cat(source.string(), ":/bound")};
  const std::string bound = create(std::move(wanted));
  // Offered after it, so that its turn was before.
  await_prepared(create("exec sleep 100"));
  expect_nothing(bound);
}

TEST_F(StartsAhead, OnlyAFewWait) {
  std::vector<std::string> ids;
  for (int i = 0; i < 10; ++i) ids.push_back(create("exec sleep 100"));
  const auto waiting = [&] {
    return std::ranges::count_if(ids, [&](const auto& id) { return process_of(id) != 0; });
  };
  EXPECT_TRUE(eventually([&] { return waiting() == 8; }));
  // A place that is free again is the next one's.
  start(ids[0]);
  EXPECT_TRUE(eventually([&] { return process_of(ids[8]) != 0; }));
  EXPECT_EQ(process_of(ids[9]), 0);
  for (const std::string& id : ids) start(id);
}

TEST_F(StartsAhead, NothingIsLeftOfOneThatNobodyStarts) {
  engine_.reset();
  options_.keep_prepared = std::chrono::milliseconds(1000);
  open();
  const std::string id = create("exec sleep 100");
  await_prepared(id);
  EXPECT_TRUE(eventually([&] { return process_of(id) == 0 && !has_root(id); }));
  start(id);
  EXPECT_EQ(info(id).state.status, Status::kRunning);
}

TEST_F(StartsAhead, NothingIsLeftOfItAfterTheDaemon) {
  const std::string id = create("exec sleep 100");
  await_prepared(id);
  engine_.reset();
  expect_nothing(id);
  open();
  start(id);
  EXPECT_EQ(info(id).state.status, Status::kRunning);
}

TEST_F(StartsAhead, ARemovalTakesItAlong) {
  const std::string id = create("exec sleep 100");
  await_prepared(id);
  ASSERT_TRUE(containers().remove(id, {}));
  expect_nothing(id);
}

}  // namespace
}  // namespace skiff::engine
