#include "images/keyed_mutex.h"

#include <chrono>

namespace skiff::images {

namespace {
// How soon a waiter notices that it was cancelled.
constexpr std::chrono::milliseconds kCancelCheck{50};
}  // namespace

Result<KeyedMutex::Guard> KeyedMutex::lock(const std::string& key, const CancelToken& cancel) {
  std::unique_lock lock(mutex_);
  while (held_.contains(key)) {
    TRY(cancel.check());
    freed_.wait_for(lock, kCancelCheck);
  }
  held_.insert(key);
  return Guard(this, key);
}

void KeyedMutex::unlock(const std::string& key) {
  {
    const std::scoped_lock lock(mutex_);
    held_.erase(key);
  }
  freed_.notify_all();
}

}  // namespace skiff::images
