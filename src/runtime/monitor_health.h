// HealthChecker: probes a container for as long as one run of it lives, and keeps the results in
// a file; in memory there is only what the next decision needs.
//
//   HealthChecker checker(loop, container, check, file, on_probe);
//   checker.begin();
//   ...
//   checker.child_ended(pid, code);          // every child that nobody else knows
//
// Thread-compatible.
#pragma once

#include <memory>

#include "runtime/container.h"
#include "runtime/health.h"
#include "runtime/monitor_io.h"

namespace skiff::runtime {

class HealthChecker {
 public:
  // `container` runs, and outlives this. `on_probe` is called after each result, with what could
  // not be written.
  HealthChecker(EventLoop& loop, Container& container, const HealthCheck& check, Path file,
                std::function<void(Result<> kept)> on_probe);
  ~HealthChecker();
  HealthChecker(const HealthChecker&) = delete;
  HealthChecker& operator=(const HealthChecker&) = delete;

  Result<> begin();
  // False when `pid` is no probe of ours.
  bool child_ended(int pid, int code);

 private:
  // One that is under way.
  struct Probe {
    std::unique_ptr<ProcessIo> io;
    int pid = 0;
    HealthProbe result;
    bool in_start_period = false;  // when it began
    bool late = false;
  };
  bool in_start_period() const;
  void probe_later();
  void probe();
  Result<> launch();
  void time_out();
  void probe_ended();
  void note(const HealthProbe& result, bool lenient);

  EventLoop& loop_;
  Container& container_;
  const HealthCheck& check_;
  Path file_;
  std::function<void(Result<> kept)> on_probe_;
  SteadyTime began_;
  bool starting_ = true;
  std::unique_ptr<Probe> probe_;
  uint64_t next_call_ = 0;
  uint64_t timeout_call_ = 0;
};

}  // namespace skiff::runtime
