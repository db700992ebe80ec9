// RemovalGate: whoever takes blobs away passes it; while somebody holds it, nothing is taken away,
// and what was there stays until a backup has it. Pushes and deletions go on. Thread-safe.
//
//   const auto hold = gate.hold();                // waits for those who are taking something away
//   if (const auto pass = gate.try_pass()) ...    // nullopt while anybody holds it
#pragma once

#include <condition_variable>
#include <mutex>
#include <optional>
#include <utility>

namespace skiff::registry {

class RemovalGate {
 public:
  // One more of those that `count` counts, until it is destroyed.
  class Counted {
   public:
    Counted(RemovalGate& gate, size_t RemovalGate::* count) : gate_(&gate), count_(count) {
      ++(gate.*count);
    }
    Counted(Counted&& other) noexcept
        : gate_(std::exchange(other.gate_, nullptr)), count_(other.count_) {}
    Counted& operator=(Counted&&) = delete;
    ~Counted() {
      if (gate_ == nullptr) return;
      {
        std::lock_guard lock(gate_->mutex_);
        --(gate_->*count_);
      }
      gate_->changed_.notify_all();
    }

   private:
    RemovalGate* gate_;
    size_t RemovalGate::* count_;
  };

  Counted hold() {
    std::unique_lock lock(mutex_);
    Counted held(*this, &RemovalGate::holds_);
    changed_.wait(lock, [this] { return passing_ == 0; });
    return held;
  }
  std::optional<Counted> try_pass() {
    std::lock_guard lock(mutex_);
    if (holds_ > 0) return std::nullopt;
    return Counted(*this, &RemovalGate::passing_);
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  size_t holds_ = 0;
  size_t passing_ = 0;
};

}  // namespace skiff::registry
