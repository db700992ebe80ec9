#include "sys/procfs.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <functional>

#include "base/strings.h"

namespace skiff::sys {
namespace {

// Runs `body` in a mount namespace of its own; true if it gave true.
bool in_own_mounts(const std::function<bool()>& body) {
  pid_t child = ::fork();
  if (child == 0) {
    bool made = ::unshare(CLONE_NEWNS) == 0 &&
                ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0;
    ::_exit(made && body() ? 0 : 1);
  }
  int status = 0;
  return ::waitpid(child, &status, 0) == child && status == 0;
}

TEST(ProcFs, ReadsAndWritesFilesOfProcesses) {
  const ProcFs* proc = *ProcFs::ours();
  EXPECT_TRUE(proc->read("self/stat")->starts_with(cat(::getpid(), " ")));
  std::string own = cat(::getpid(), "/oom_score_adj");
  std::string before(trim(*proc->read(own)));
  EXPECT_TRUE(proc->write(own, before));
  EXPECT_EQ(trim(*proc->read(own)), before);
  EXPECT_EQ(proc->read("self/no_such_file").error().code(), Code::kNotFound);
}

TEST(ProcFs, MagicLinksAreFollowedOnlyOnDemand) {
  const ProcFs* proc = *ProcFs::ours();
  EXPECT_FALSE(proc->open_at("self/exe", O_RDONLY));
  EXPECT_FALSE(proc->open_at("self/root/etc", O_PATH));
  EXPECT_FALSE(proc->open_at("self/cwd/..", O_PATH));
  EXPECT_TRUE(proc->open_link("self/ns/net", O_RDONLY));
  EXPECT_EQ(proc->open_link("self/stat", O_RDONLY).error().code(), Code::kFailedPrecondition);
}

TEST(ProcFs, NoPathLeadsOut) {
  const ProcFs* proc = *ProcFs::ours();
  for (const char* path : {"..", "../etc", "/etc/passwd", "self/../../etc"}) {
    EXPECT_FALSE(proc->open_at(path, O_PATH)) << path;
  }
}

TEST(ProcFs, WhatIsMountedOverProcIsNotSeen) {
  EXPECT_TRUE(in_own_mounts([] {
    if (::mount("tmpfs", "/proc", "tmpfs", 0, nullptr) != 0) return false;
    Result<ProcFs> proc = ProcFs::make();
    return proc && proc->read("self/stat")->starts_with(cat(::getpid(), " "));
  }));
}

TEST(ProcFs, AFileMountedOverOneOfProcIsNotSeen) {
  EXPECT_TRUE(in_own_mounts([] {
    if (::mount("/etc/passwd", "/proc/self/oom_score_adj", nullptr, MS_BIND, nullptr) != 0) {
      return false;
    }
    Result<ProcFs> proc = ProcFs::make();
    return proc && proc->read("self/oom_score_adj")->size() < 8;
  }));
}

// Without the right to mount the host's /proc has to do; what is over it is found out.
TEST(ProcFs, WithoutPrivilegesTheHostsProcIsChecked) {
  auto as_nobody = [](const std::function<bool()>& prepare, const std::function<bool()>& body) {
    return in_own_mounts([&] {
      return prepare() && ::setresgid(65534, 65534, 65534) == 0 &&
             ::setresuid(65534, 65534, 65534) == 0 && body();
    });
  };
  auto stat_is_own = [] {
    Result<ProcFs> proc = ProcFs::make();
    return proc && proc->read("self/stat")->starts_with(cat(::getpid(), " "));
  };
  EXPECT_TRUE(as_nobody([] { return true; }, stat_is_own));
  EXPECT_TRUE(as_nobody([] { return ::mount("t", "/proc", "tmpfs", 0, nullptr) == 0; },
                        [] { return !ProcFs::make(); }));
  EXPECT_TRUE(
      as_nobody([] { return ::mount("/proc/sys", "/proc", nullptr, MS_BIND, nullptr) == 0; },
                [] { return !ProcFs::make(); }));
  EXPECT_TRUE(as_nobody(
      [] { return ::mount("/etc/passwd", "/proc/self/stat", nullptr, MS_BIND, nullptr) == 0; },
      [] { return !ProcFs::make()->read("self/stat"); }));
}

}  // namespace
}  // namespace skiff::sys
