// Cgroup: what is done to all its processes together.
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include "base/strings.h"
#include "sys/cgroup.h"

namespace skiff::sys {

namespace {

constexpr int kFreezeTries = 2000;  // 1 ms apart
constexpr int kKillRounds = 100;

// The number after `key` in a flat keyed file; 0 when it is not there.
uint64_t keyed_value(const std::string& text, std::string_view key) {
  for (const std::string& line : split(text, '\n')) {
    auto parts = split_once(line, ' ');
    if (parts && parts->first == key) return parse_uint(trim(parts->second)).value_or(0);
  }
  return 0;
}

}  // namespace

bool Cgroup::frozen() const {
  if (!v2_) {
    Result<std::string> state = read("freezer", "freezer.state");
    return state && trim(*state) == "FROZEN";
  }
  Result<std::string> events = read("", "cgroup.events");
  return events && keyed_value(*events, "frozen") == 1;
}

Result<> Cgroup::freeze() const {
  for (int attempt = 0; attempt < kFreezeTries; ++attempt) {
    // Version 1 may give up on a process just forking, and wants to be told again.
    if (!v2_) TRY(write("freezer", "freezer.state", "FROZEN"));
    if (v2_ && attempt == 0) TRY(write("", "cgroup.freeze", "1"));
    if (frozen()) return {};
    ::poll(nullptr, 0, 1);
  }
  [[maybe_unused]] auto undone = thaw();
  return Error(Code::kDeadlineExceeded, cat("freeze cgroup ", path_, ": a process will not stop"));
}

Result<> Cgroup::thaw() const {
  return v2_ ? write("", "cgroup.freeze", "0") : write("freezer", "freezer.state", "THAWED");
}

Result<> Cgroup::kill_all() const {
  if (Result<Path> unified = directory(""); unified && write("", "cgroup.kill", "1")) {
    // A frozen process takes the signal only once it is thawed (version 1).
    if (!v2_ && has("freezer")) [[maybe_unused]]
      auto thawed = thaw();
    return {};
  }
  // Frozen first, so that no child is born between the listing and the killing.
  bool stopped = has("freezer") && freeze();
  for (int round = 0; round < kKillRounds; ++round) {
    std::vector<pid_t> pids = TRY(processes());
    for (pid_t pid : pids) ::kill(pid, SIGKILL);
    if (stopped) return thaw();
    if (pids.empty()) return {};
    ::poll(nullptr, 0, 1);
  }
  return {};
}

uint64_t Cgroup::oom_kills() const {
  Result<std::string> text = read("memory", v2_ ? "memory.events" : "memory.oom_control");
  return text ? keyed_value(*text, "oom_kill") : 0;
}

}  // namespace skiff::sys
