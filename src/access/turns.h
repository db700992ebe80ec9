// Turns: some work is done by few at once, others wait, and where too many wait it is refused.
#pragma once

#include <condition_variable>
#include <mutex>
#include <string>
#include <type_traits>

#include "base/result.h"
#include "base/scope_exit.h"

namespace skiff::access {

// Thread-safe.
class Turns {
 public:
  // `refusal`: what is told to one who would be one too many.
  Turns(int at_once, int most_waiting, std::string refusal)
      : at_once_(at_once), most_waiting_(most_waiting), refusal_(std::move(refusal)) {}

  // `work`'s result, when its turn has come; kUnavailable where too many wait.
  template <typename Work>
  auto take(const Work& work) -> Result<std::invoke_result_t<Work>> {
    {
      std::unique_lock lock(mutex_);
      if (waiting_ >= most_waiting_) return Error(Code::kUnavailable, refusal_);
      ++waiting_;
      turn_.wait(lock, [this] { return running_ < at_once_; });
      --waiting_;
      ++running_;
    }
    const ScopeExit done([this] {
      std::lock_guard lock(mutex_);
      --running_;
      turn_.notify_one();
    });
    return work();
  }

  int waiting() {
    std::lock_guard lock(mutex_);
    return waiting_;
  }

 private:
  const int at_once_;
  const int most_waiting_;
  const std::string refusal_;
  std::mutex mutex_;  // guards what follows
  std::condition_variable turn_;
  int running_ = 0;
  int waiting_ = 0;
};

}  // namespace skiff::access
