// TimeLimit: work that is given up when its time is over, or nobody waits for it any more.
//
//   const TimeLimit limit(cancel, std::chrono::seconds(5));
//   auto answer = client.resolve(reference, limit.token());
//   if (!answer && limit.is_over()) ...
#pragma once

#include <atomic>
#include <chrono>
#include <thread>

#include "base/cancellation.h"

namespace skiff::upstream {

// A thread of its own watches the clock. The destructor ends it. Where there can be no more threads
// there is no limit.
class TimeLimit {
 public:
  TimeLimit(const CancelToken& parent, std::chrono::milliseconds limit);
  TimeLimit(const TimeLimit&) = delete;
  TimeLimit& operator=(const TimeLimit&) = delete;
  ~TimeLimit();

  // Cancelled when the time is over or `parent` is.
  CancelToken token() const { return watch_.joinable() ? limited_.token() : parent_; }
  // The time, not the parent.
  bool is_over() const { return over_; }

 private:
  void watch(std::chrono::steady_clock::time_point end);

  const CancelToken parent_;
  CancelSource limited_;
  CancelSource done_;
  std::atomic<bool> over_ = false;
  std::thread watch_;
};

}  // namespace skiff::upstream
