// When a container whose process has ended is started again, and after which wait: Docker's rules.
#pragma once

#include <chrono>
#include <string>

namespace skiff::runtime {

struct RestartPolicy {
  std::string name = "no";  // "no", "always", "unless-stopped", "on-failure"
  int max_retries = 0;      // of on-failure; 0: no limit
};

// Whether a run is followed by another. `by_hand`: somebody had asked for the end.
bool wants_restart(const RestartPolicy& policy, int exit_code, bool by_hand, int restart_count);

// The waits between runs: 100 ms, doubled up to a minute as long as the runs are short.
class RestartBackoff {
 public:
  std::chrono::milliseconds after_run_of(std::chrono::nanoseconds length);

 private:
  std::chrono::milliseconds last_{0};
};

}  // namespace skiff::runtime
