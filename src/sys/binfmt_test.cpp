#include "sys/binfmt.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/strings.h"

namespace skiff::sys {
namespace {

constexpr const char* kArchitectures[] = {"amd64",   "386",   "arm64",    "arm",     "riscv64",
                                          "ppc64le", "s390x", "mips64le", "loong64", "no-such"};

// A user namespace has a binfmt_misc of its own: what is registered is gone with it.
bool enter_own_namespaces() {
  const std::string uids = cat("0 ", ::geteuid(), " 1");
  const std::string gids = cat("0 ", ::getegid(), " 1");
  return ::unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0 &&
         write_file("/proc/self/setgroups", "deny") && write_file("/proc/self/uid_map", uids) &&
         write_file("/proc/self/gid_map", gids);
}

// The first that can_run() and find_emulation() do not agree on, in a child's namespaces.
std::string disagreement(EmulationScope scope, bool as_root) {
  int ends[2] = {};
  EXPECT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  const UniqueFd read_end(ends[0]);
  UniqueFd write_end(ends[1]);
  const pid_t child = ::fork();
  if (child == 0) {
    std::string found = enter_own_namespaces() ? "" : "no namespaces";
    if (!as_root && ::unshare(CLONE_NEWUSER) != 0) found = "no second namespace";
    for (const char* architecture : kArchitectures) {
      const bool can = can_run(architecture, scope);
      if (can != find_emulation(architecture, scope).has_value()) {
        found += cat(architecture, can ? ": should run" : ": should not run");
      }
    }
    [[maybe_unused]] const ssize_t told = ::write(write_end.get(), found.data(), found.size());
    ::_exit(0);
  }
  write_end.reset();
  std::string text(1000, '\0');
  const ssize_t size = ::read(read_end.get(), text.data(), text.size());
  EXPECT_EQ(::waitpid(child, nullptr, 0), child);
  text.resize(static_cast<size_t>(std::max(size, ssize_t{0})));
  return text;
}

TEST(Binfmt, WhatCanRunIsWhatEmulationIsFoundFor) {
  for (const auto scope : {EmulationScope::kContainer, EmulationScope::kHost}) {
    EXPECT_EQ(disagreement(scope, true), "");
    // Of a mount namespace that is another user namespace's nothing can be mounted.
    EXPECT_EQ(disagreement(scope, false), "");
  }
}

}  // namespace
}  // namespace skiff::sys
