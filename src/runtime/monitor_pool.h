// MonitorPool: monitors that are started ahead and wait for their container, so that starting a
// program is not part of starting a container.
//
//   MonitorPool pool(program, 2);
//   MonitorClient monitor = TRY(pool.spawn(options));   // with a spare one, where there is one
//   ...
//   pool.refill();                                      // on a thread of the pool's own
//
// A spare monitor ends with this process. Thread-safe.
#pragma once

#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

#include "runtime/monitor_client.h"

namespace skiff::runtime {

class MonitorPool {
 public:
  MonitorPool(Path program, size_t spares);
  ~MonitorPool();
  MonitorPool(const MonitorPool&) = delete;
  MonitorPool& operator=(const MonitorPool&) = delete;

  // As MonitorClient::spawn(), which is also what follows where none is spare.
  Result<MonitorClient> spawn(const MonitorOptions& options);
  // Has missing spares started. Called when a start is over: the work is not to slow it down.
  void refill();
  size_t spares() const;

 private:
  UniqueFd take();
  void fill();

  const Path program_;
  const size_t wanted_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<UniqueFd> waiting_;
  bool asked_ = false;
  bool ending_ = false;
  std::thread thread_;  // last: works on all of the above
};

}  // namespace skiff::runtime
