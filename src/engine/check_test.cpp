// What a check finds of containers and their snapshots.
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
