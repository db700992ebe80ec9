#include "runtime/restart_policy.h"

#include <algorithm>

namespace skiff::runtime {

using std::chrono::milliseconds;

namespace {

constexpr milliseconds kFirstPause{100};
constexpr milliseconds kLongest{60'000};
// A run of this length was a success: the next failure starts from the first wait.
constexpr std::chrono::seconds kSteadyRun{10};

}  // namespace

bool wants_restart(const RestartPolicy& policy, int exit_code, bool by_hand, int restart_count) {
  if (by_hand) return false;
  if (policy.name == "always" || policy.name == "unless-stopped") return true;
  return policy.name == "on-failure" && exit_code != 0 &&
         (policy.max_retries == 0 || restart_count < policy.max_retries);
}

milliseconds RestartBackoff::after_run_of(std::chrono::nanoseconds length) {
  const bool steady = length >= kSteadyRun || last_.count() == 0;
  last_ = steady ? kFirstPause : std::min(last_ * 2, kLongest);
  return last_;
}

}  // namespace skiff::runtime
