#include "engine/resource_support.h"

#include <algorithm>

#include "base/strings.h"

namespace skiff::engine {

namespace {

constexpr std::string_view kNoCgroup =
    " capabilities or the cgroup is not mounted. Limitation discarded.";

class Discard {
 public:
  Discard(const std::vector<std::string>& controllers, Resources& resources)
      : controllers_(controllers), r_(resources) {}

  Result<std::vector<std::string>> run() {
    if (!has("memory")) discard_memory();
    if (!has("cpu")) TRY(discard_cpu());
    if (!has("cpuset") && !(r_.cpuset_cpus.empty() && r_.cpuset_mems.empty())) {
      tell("Your kernel does not support cpuset or the cgroup is not mounted. Cpuset discarded.");
      r_.cpuset_cpus.clear();
      r_.cpuset_mems.clear();
    }
    if (!has("pids")) {
      if (r_.pids_limit.value_or(0) > 0) {
        tell(cat("Your kernel does not support PIDs limit", kNoCgroup));
      }
      r_.pids_limit.reset();
    }
    return std::move(told_);
  }

 private:
  bool has(std::string_view controller) const {
    return std::find(controllers_.begin(), controllers_.end(), controller) != controllers_.end();
  }
  void tell(std::string text) { told_.push_back(std::move(text)); }

  void discard_memory() {
    if (r_.memory > 0) tell(cat("Your kernel does not support memory limit", kNoCgroup));
    if (r_.memory_reservation > 0) {
      tell(cat("Your kernel does not support memory soft limit", kNoCgroup));
    }
    if (r_.oom_kill_disable) {
      tell("Your kernel does not support OomKillDisable. OomKillDisable discarded.");
    }
    r_.memory = r_.memory_swap = r_.memory_reservation = 0;
    r_.oom_kill_disable = false;
  }

  Result<> discard_cpu() {
    if (r_.nano_cpus > 0) {
      return Error(Code::kInvalidArgument,
                   "NanoCPUs can not be set, as your kernel does not support CPU CFS scheduler or "
                   "the cgroup is not mounted");
    }
    if (r_.cpu_shares > 0) {
      tell(
          "Your kernel does not support CPU shares or the cgroup is not mounted. Shares "
          "discarded.");
    }
    if (r_.cpu_period > 0 || r_.cpu_quota > 0) {
      tell("Your kernel does not support CPU CFS scheduler. CPU period/quota discarded.");
    }
    r_.cpu_shares = r_.cpu_period = r_.cpu_quota = 0;
    return {};
  }

  const std::vector<std::string>& controllers_;
  Resources& r_;
  std::vector<std::string> told_;
};

}  // namespace

Result<std::vector<std::string>> discard_unsupported(const EngineOptions& options,
                                                     Resources& resources) {
  if (!options.controllers) return std::vector<std::string>();
  return Discard(*options.controllers, resources).run();
}

}  // namespace skiff::engine
