#include "runtime/monitor_pool.h"

#include <chrono>

#include "base/log.h"

namespace skiff::runtime {

namespace {

// Between the wish for new spares and their making: the answer to the start is sent meanwhile.
constexpr std::chrono::milliseconds kAnswerTime{1};

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

Result<NewMonitor> MonitorPool::take() {
  if (auto spare = take_spare()) return std::move(*spare);
  return NewMonitor::begin(program_);
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

std::optional<NewMonitor> MonitorPool::take_spare() {
  std::lock_guard lock(mutex_);
  while (!waiting_.empty()) {
    NewMonitor monitor = std::move(waiting_.back());
    waiting_.pop_back();
    if (monitor.waits()) return monitor;
  }
  return std::nullopt;
}

void MonitorPool::fill() {
  std::unique_lock lock(mutex_);
  const auto ends = [this] { return ending_; };
  while (!ending_) {
    if (!asked_ || waiting_.size() >= wanted_) {
      asked_ = false;
      changed_.wait(lock, [this] { return asked_ || ending_; });
      if (changed_.wait_for(lock, kAnswerTime, ends)) return;
      continue;
    }
    lock.unlock();
    Result<NewMonitor> started = NewMonitor::begin_spare(program_);
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
