// WorkerThreads: threads for blocking work. Each job gets a thread at once: one that has
// finished another job and waits, or a new one; the number is limited by whoever submits.
// Idle threads end after a while; with the last of them, memory that nobody needs any more goes
// back to the system.
#pragma once

#include <functional>
#include <memory>

namespace skiff::net {

class WorkerThreads {
 public:
  WorkerThreads();
  // Waits for all jobs.
  ~WorkerThreads();

  void submit(std::function<void()> job);
  // Waits until no job is at work, at most `timeout_ms` (-1: for ever); false on timeout.
  bool wait_idle(int timeout_ms);

 private:
  struct Shared;
  std::shared_ptr<Shared> shared_;
};

}  // namespace skiff::net
