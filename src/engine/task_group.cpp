#include "engine/task_group.h"

#include <system_error>
#include <thread>
#include <utility>

namespace skiff::engine {

void TaskGroup::run(std::function<void()> work) {
  {
    std::lock_guard lock(mutex_);
    ++running_;
  }
  auto task = [this, work = std::move(work)] {
    work();
    std::lock_guard lock(mutex_);
    --running_;
    ended_.notify_all();
  };
  try {
    std::thread(task).detach();
  } catch (const std::system_error&) {
    task();
  }
}

void TaskGroup::wait() {
  std::unique_lock lock(mutex_);
  ended_.wait(lock, [this] { return running_ == 0; });
}

}  // namespace skiff::engine
