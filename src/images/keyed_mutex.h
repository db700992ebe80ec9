// KeyedMutex: one holder for each key: two pulls of the same layer become one download, the
// second waits and finds it done.
#pragma once

#include <condition_variable>
#include <mutex>
#include <set>
#include <string>

#include "base/cancellation.h"

namespace skiff::images {

class KeyedMutex {
 public:
  class Guard {
   public:
    Guard(Guard&& other) noexcept
        : owner_(std::exchange(other.owner_, nullptr)), key_(std::move(other.key_)) {}
    Guard& operator=(Guard&&) = delete;
    ~Guard() {
      if (owner_ != nullptr) owner_->unlock(key_);
    }

   private:
    friend class KeyedMutex;
    Guard(KeyedMutex* owner, std::string key) : owner_(owner), key_(std::move(key)) {}
    KeyedMutex* owner_;
    std::string key_;
  };

  // Waits until nobody holds `key`; kCancelled once cancelled. Guards must not outlive this.
  Result<Guard> lock(const std::string& key, const CancelToken& cancel);

 private:
  void unlock(const std::string& key);

  std::mutex mutex_;
  std::condition_variable freed_;
  std::set<std::string> held_;
};

}  // namespace skiff::images
