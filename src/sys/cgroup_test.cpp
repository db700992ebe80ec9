#include "sys/cgroup.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <algorithm>
#include <latch>
#include <thread>

#include "base/random.h"
#include "base/strings.h"
#include "sys/namespaces.h"
#include "sys/process.h"

namespace skiff::sys {
namespace {

class CgroupTest : public ::testing::Test {
 protected:
  void SetUp() override { group_.emplace(Cgroup::create(path_).value()); }
  void TearDown() override {
    ASSERT_TRUE(group_->kill_all());
    for (const Child& child : children_) ::waitpid(child.pid, nullptr, 0);
    ASSERT_TRUE(group_->remove());
    for (const Cgroup::Member& member : group_->members()) {
      ::rmdir(member.directory.parent_path().c_str());
    }
  }
  // A process in the cgroup that waits to be killed.
  pid_t start() {
    CgroupEntry entry = group_->entry().value();
    Pipe ready = make_pipe().value();
    Child child = clone_process({.cgroup = entry.unified_dir()}, [&] {
                    if (!entry.enter()) return 1;
                    ::write(ready.write.get(), "x", 1);
                    for (;;) ::pause();
                  }).value();
    char c = 0;
    EXPECT_EQ(::read(ready.read.get(), &c, 1), 1);
    pid_t pid = child.pid;
    children_.push_back(std::move(child));
    return pid;
  }

  std::string path_ = cat("/skiff-sys-test-", random_hex(8), "/box");
  std::optional<Cgroup> group_;
  std::vector<Child> children_;
};

TEST_F(CgroupTest, ProcessIsInEveryHierarchy) {
  pid_t pid = start();
  EXPECT_EQ(group_->processes().value(), std::vector<pid_t>{pid});
  for (const Cgroup::Member& member : group_->members()) {
    EXPECT_EQ(read_file(member.directory / "cgroup.procs").value(), cat(pid, "\n"))
        << member.directory;
  }
}

// Two containers start at once: one of them has made the parent and not set it up yet.
TEST(Cgroup, BeneathOneThatIsStillBare) {
  const std::string parent = cat("/skiff-sys-test-", random_hex(8));
  for (const CgroupHierarchy& h : cgroup_hierarchies().value()) {
    ASSERT_EQ(::mkdir(cat(h.mount.native(), parent).c_str(), 0755), 0) << h.mount;
  }
  const Cgroup group = Cgroup::create(parent + "/box").value();
  const CgroupEntry entry = group.entry().value();
  Child child =
      clone_process({.cgroup = entry.unified_dir()}, [&] { return entry.enter() ? 0 : 1; }).value();
  int status = -1;
  ASSERT_EQ(::waitpid(child.pid, &status, 0), child.pid);
  EXPECT_EQ(status, 0);
  ASSERT_TRUE(group.remove());
  for (const CgroupHierarchy& h : cgroup_hierarchies().value()) {
    EXPECT_EQ(::rmdir(cat(h.mount.native(), parent).c_str()), 0) << h.mount;
  }
}

// Other containers' ends take the parent away, one after another.
TEST(Cgroup, BeneathOneThatIsRemovedMeanwhile) {
  constexpr int kRounds = 20;
  constexpr int kRemovals = 30;  // of each round: far fewer than a create tries
  const std::string parent = cat("/skiff-sys-test-", random_hex(8));
  std::vector<std::string> parents;
  for (const CgroupHierarchy& h : cgroup_hierarchies().value()) {
    parents.push_back(cat(h.mount.native(), parent));
  }
  const auto remove_them = [&] {
    return std::ranges::count_if(
               parents, [](const std::string& each) { return ::rmdir(each.c_str()) == 0; }) > 0;
  };
  int removed = 0;
  for (int i = 0; i < kRounds; ++i) {
    std::latch at_work(1);
    std::jthread remover([&](const std::stop_token& created) {
      int of_round = remove_them() ? 1 : 0;
      at_work.count_down();
      while (!created.stop_requested() && of_round < kRemovals) of_round += remove_them() ? 1 : 0;
      removed += of_round;
    });
    at_work.wait();
    const auto group = Cgroup::create(parent + "/box");
    remover.request_stop();
    remover.join();
    ASSERT_TRUE(group) << group.error().message();
    EXPECT_TRUE(group->remove());
  }
  EXPECT_GT(removed, 0);
  remove_them();
}

TEST_F(CgroupTest, SecondCreateIsRefusedWhileProcessesAreInside) {
  EXPECT_TRUE(Cgroup::create(path_));
  start();
  EXPECT_EQ(Cgroup::create(path_).error().code(), Code::kAlreadyExists);
}

TEST_F(CgroupTest, LimitsAreWrittenAndUnknownFilesAreErrors) {
  std::string file = "pids.max";
  ASSERT_TRUE(group_->write("pids", file, "17"));
  EXPECT_EQ(group_->read("pids", file).value(), "17\n");
  EXPECT_FALSE(group_->write("pids", "pids.nothing", "1"));
  EXPECT_FALSE(group_->write("pids", file, "many"));
  EXPECT_EQ(group_->oom_kills(), 0U);
}

TEST_F(CgroupTest, FreezeStopsAndThawContinues) {
  start();
  EXPECT_FALSE(group_->frozen());
  ASSERT_TRUE(group_->freeze());
  EXPECT_TRUE(group_->frozen());
  ASSERT_TRUE(group_->thaw());
  EXPECT_FALSE(group_->frozen());
}

TEST_F(CgroupTest, KillReachesFrozenProcesses) {
  pid_t pid = start();
  ASSERT_TRUE(group_->freeze());
  ASSERT_TRUE(group_->kill_all());
  int status = 0;
  ASSERT_EQ(::waitpid(pid, &status, 0), pid);
  EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
  children_.clear();
}

TEST_F(CgroupTest, RemoveTakesNestedGroupsAlong) {
  for (const Cgroup::Member& member : group_->members()) {
    std::filesystem::create_directories(member.directory / "a/b");
  }
  ASSERT_TRUE(group_->remove());
  EXPECT_TRUE(Cgroup::open(path_)->members().empty());
}

TEST(Cgroup, RefusesTheRootAndClimbingOut) {
  EXPECT_FALSE(Cgroup::create("/"));
  EXPECT_FALSE(Cgroup::create("/x/.."));
  EXPECT_EQ(Cgroup::open("/../../skiff-none")->path(), "/skiff-none");
}

// A relative path counts from above the caller's own cgroup, whose processes keep it from giving
// controllers on.
int create_beside_own(const Path& parent) {
  const Path own = parent / "own";
  std::filesystem::create_directory(own);
  if (!write_file(own / "cgroup.procs", "0")) return 5;
  Result<Cgroup> beside = Cgroup::create("beside");
  if (!beside || beside->directory("").value() != parent / "beside") return 6;
  if (!beside->remove() || !write_file("/sys/fs/cgroup/cgroup.procs", "0")) return 7;
  return ::rmdir(own.c_str()) == 0 ? 0 : 8;
}

// The layout of a version 2 host, with the controllers that a hybrid host leaves to it.
TEST(Cgroup, WorksOnAPureVersion2Tree) {
  std::string name = cat("skiff-sys-test-", random_hex(8));
  Child child = clone_process({.flags = CLONE_NEWNS}, [&]() -> int {
                  ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr);
                  // Where it is of version 2 already, a second one of the kind is refused.
                  ::umount2("/sys/fs/cgroup", MNT_DETACH);
                  if (::mount("none", "/sys/fs/cgroup", "cgroup2", 0, nullptr) != 0) return 77;
                  Result<Cgroup> group = Cgroup::create(cat("/", name, "/box"));
                  if (!group || !group->v2()) return 1;
                  CgroupEntry entry = group->entry().value();
                  Result<Child> inner = clone_process({.cgroup = entry.unified_dir()}, [&] {
                    if (!entry.enter()) return 1;
                    for (;;) ::pause();
                  });
                  if (!inner || group->processes().value() != std::vector{inner->pid}) return 2;
                  if (!group->freeze() || !group->frozen() || !group->kill_all()) return 3;
                  ::waitpid(inner->pid, nullptr, 0);
                  if (!group->remove()) return 4;
                  if (int wrong = create_beside_own(cat("/sys/fs/cgroup/", name))) return wrong;
                  ::rmdir(cat("/sys/fs/cgroup/", name).c_str());
                  return 0;
                }).value();
  int status = 0;
  ASSERT_EQ(::waitpid(child.pid, &status, 0), child.pid);
  if (exit_code_of(status) == 77) GTEST_SKIP() << "no cgroup v2 here";
  EXPECT_EQ(exit_code_of(status), 0);
}

TEST(Cgroup, WhatWasMadeAheadIsFoundAndIsTheCallersToRemove) {
  const std::string path = cat("/skiff-cgroup-test-", random_hex(8));
  Cgroup::make_ahead(path);
  const size_t ahead = Cgroup::open(path)->members().size();
  EXPECT_GT(ahead, 0U);
  Result<Cgroup> made = Cgroup::create(path);
  ASSERT_TRUE(made) << made.error().message();
  EXPECT_EQ(made->members().size(), ahead);
  ASSERT_TRUE(made->remove());
  EXPECT_TRUE(Cgroup::open(path)->members().empty());
}

}  // namespace
}  // namespace skiff::sys
