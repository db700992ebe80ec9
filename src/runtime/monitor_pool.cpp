#include "runtime/monitor_pool.h"

#include <poll.h>

#include "base/log.h"

namespace skiff::runtime {

namespace {

// One that was killed has hung up.
bool waits(const UniqueFd& monitor) {
  pollfd polled{monitor.get(), POLLIN, 0};
  return ::poll(&polled, 1, 0) == 0;
}

}  // namespace

MonitorPool::MonitorPool(Path program, size_t spares)
    : program_(std::move(program)), wanted_(spares), thread_([this] { fill(); }) {}

MonitorPool::~MonitorPool() {
  {
    std::lock_guard lock(mutex_);
    ending_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

Result<MonitorClient> MonitorPool::spawn(const MonitorOptions& options) {
  UniqueFd monitor = take();
  if (!monitor) monitor = TRY(MonitorClient::start_program(program_));
  return MonitorClient::employ(std::move(monitor), options);
}

void MonitorPool::refill() {
  {
    std::lock_guard lock(mutex_);
    asked_ = true;
  }
  changed_.notify_all();
}

size_t MonitorPool::spares() const {
  std::lock_guard lock(mutex_);
  return waiting_.size();
}

UniqueFd MonitorPool::take() {
  std::lock_guard lock(mutex_);
  while (!waiting_.empty()) {
    UniqueFd monitor = std::move(waiting_.back());
    waiting_.pop_back();
    if (waits(monitor)) return monitor;
  }
  return {};
}

void MonitorPool::fill() {
  std::unique_lock lock(mutex_);
  while (!ending_) {
    if (!asked_ || waiting_.size() >= wanted_) {
      asked_ = false;
      changed_.wait(lock, [this] { return asked_ || ending_; });
      continue;
    }
    lock.unlock();
    Result<UniqueFd> started = MonitorClient::start_program(program_);
    lock.lock();
    if (started) {
      waiting_.push_back(std::move(*started));
    } else {
      // The next start meets the same, and tells it to its caller.
      asked_ = false;
      log_warn(started.error().message());
    }
  }
}

}  // namespace skiff::runtime
