// What a check finds of containers and their snapshots.
#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "engine/engine.h"
#include "engine/test_engine.h"

namespace skiff::engine {
namespace {

class Checking : public testing::EngineTest {
 protected:
  std::vector<Problem> check(const CheckOptions& options = {}) {
    std::vector<Problem> problems;
    const auto checked =
        engine_->check(options, [&](const Problem& problem) { problems.push_back(problem); });
    EXPECT_TRUE(checked) << checked.error().message();
    return problems;
  }

  // One byte that nobody reads.
  void change_layer() {
    bool is_changed = false;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(dir_.path() / "s")) {
      if (entry.path().filename() != "layer.tar") continue;
      const size_t at = read_file(entry.path())->find("app:x:1001:");
      if (at == std::string::npos) continue;
      const UniqueFd file = *open_file(entry.path(), O_WRONLY);
      is_changed = ::pwrite(file.get(), "b", 1, static_cast<off_t>(at)) == 1;
    }
    EXPECT_TRUE(is_changed);
  }
};

TEST_F(Checking, ASnapshotWithoutAContainerGoes) {
  const std::string id = create("true");
  auto& snapshots = images_->snapshots();
  ASSERT_TRUE(snapshots.prepare("container-gone", ""));
  ASSERT_TRUE(snapshots.prepare("step-of-a-build", ""));
  auto problems = check();
  ASSERT_EQ(problems.size(), 1u);
  EXPECT_EQ(problems[0].what, "snapshot container-gone has no container");
  problems = check({.repair = true});
  ASSERT_EQ(problems.size(), 1u);
  EXPECT_TRUE(problems[0].mended);
  EXPECT_FALSE(snapshots.stat("container-gone"));
  EXPECT_TRUE(snapshots.stat("step-of-a-build"));
  EXPECT_TRUE(check().empty());
  start(id);
  EXPECT_EQ(wait(id), 0);
}

TEST_F(Checking, AContainerWithoutItsSnapshotIsTold) {
  const std::string id = create("true");
  ASSERT_TRUE(images_->snapshots().remove(cat("container-", id)));
  for (const bool repair : {false, true}) {
    const auto problems = check({.repair = repair});
    ASSERT_EQ(problems.size(), 1u);
    EXPECT_EQ(problems[0].what, cat("container ", info(id).name, " lost its files"));
    EXPECT_FALSE(problems[0].mended);
  }
  ASSERT_TRUE(containers().remove(id, {}));
  EXPECT_TRUE(check().empty());
}

// It could not be started again, so it is not stopped.
TEST_F(Checking, AContainerOnADamagedLayerIsNotRestarted) {
  if (images_->snapshots().backend() != snapshot::Backend::kErofs) GTEST_SKIP() << "no tars";
  const std::string id = run("sleep 100");
  const int pid = info(id).state.pid;
  change_layer();
  std::vector<std::string> found;
  const auto tell = [&](const Problem& problem) { found.push_back(problem.what); };
  ASSERT_TRUE(images_->snapshots().check({.deep = true}, tell));
  ASSERT_FALSE(found.empty());
  const Result<> restarted = containers().restart(id, {.timeout = 0});
  ASSERT_FALSE(restarted);
  EXPECT_EQ(restarted.error().code(), Code::kDataLoss);
  EXPECT_EQ(info(id).state.status, Status::kRunning);
  EXPECT_EQ(info(id).state.pid, pid);
}

TEST_F(Checking, WhatOnlyAContainerKeptOfItsImageGoesWithIt) {
  const std::string id = create("true");
  const auto user = [&](const oci::Digest& image) { return engine_->image_user(image); };
  ASSERT_TRUE(images_->remove("box", true, true, user));
  EXPECT_FALSE(images_->find("box"));
  start(id);
  EXPECT_EQ(wait(id), 0);
  ASSERT_TRUE(containers().remove(id, {}));
  ASSERT_TRUE(images_->snapshots().walk([](const snapshot::Info& info) -> Result<> {
    ADD_FAILURE() << info.name << " is left";
    return {};
  }));
}

TEST_F(Checking, ContainersThatComeAndGoAreNoProblem) {
  std::atomic<bool> done = false;
  std::thread worker([&] {
    for (int i = 0; i < 20; ++i) EXPECT_TRUE(containers().remove(create("true"), {}));
    done = true;
  });
  while (!done) {
    for (const Problem& problem : check({.repair = true})) ADD_FAILURE() << problem.what;
  }
  worker.join();
}

}  // namespace
}  // namespace skiff::engine
