// TaskGroup: short-lived work on threads of its own, awaited before its owner goes.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>

namespace skiff::engine {

class TaskGroup {
 public:
  TaskGroup() = default;
  TaskGroup(const TaskGroup&) = delete;
  TaskGroup& operator=(const TaskGroup&) = delete;
  ~TaskGroup() { wait(); }

  // Where no thread can be had, the work is done by the caller.
  void run(std::function<void()> work);
  // Until everything that was given to run() has ended.
  void wait();

 private:
  std::mutex mutex_;
  std::condition_variable ended_;
  int running_ = 0;
};

}  // namespace skiff::engine
