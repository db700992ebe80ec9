// MonitorPool: monitors that are started ahead and wait for their container, so that starting a
// program is not part of starting a container.
//
//   MonitorPool pool(program, 2);
//   NewMonitor fresh = TRY(pool.take());   // a spare one, where there is one
//   ...
//   pool.refill();                         // on a thread of the pool's own
//
// A spare monitor ends with this process. Thread-safe.
#pragma once

#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "runtime/new_monitor.h"

namespace skiff::runtime {

class MonitorPool {
 public:
  MonitorPool(Path program, size_t spares);
  ~MonitorPool();
  MonitorPool(const MonitorPool&) = delete;
  MonitorPool& operator=(const MonitorPool&) = delete;

  // Where none is spare, one that is started now.
  Result<NewMonitor> take();
  // Has missing spares started, a moment later: called when a start is over but for its answer,
  // which is not to wait for them.
  void refill();
  size_t spares() const;

 private:
  std::optional<NewMonitor> take_spare();
  void fill();

  const Path program_;
  const size_t wanted_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<NewMonitor> waiting_;
  bool asked_ = false;
  bool ending_ = false;
  std::thread thread_;  // last: works on all of the above
};

}  // namespace skiff::runtime
