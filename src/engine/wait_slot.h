// WaitSlot: one waiter for a container's exit or removal.
#pragma once

#include <chrono>
#include <mutex>
#include <optional>

#include "base/cancellation.h"
#include "base/unique_fd.h"
#include "engine/engine.h"

namespace skiff::engine {

// Completed once, by whoever handles the container; waited for by one thread.
class WaitSlot {
 public:
  explicit WaitSlot(WaitCondition condition);

  WaitCondition condition() const { return condition_; }
  // Readable once completed.
  int fd() const { return wake_.get(); }
  void complete(Result<WaitResult> result);
  // nullopt when `timeout` passed first; a negative one is for ever.
  Result<std::optional<WaitResult>> wait(const CancelToken& cancel,
                                         std::chrono::milliseconds timeout);

 private:
  WaitCondition condition_;
  UniqueFd wake_;
  std::mutex mutex_;
  std::optional<Result<WaitResult>> result_;
};

}  // namespace skiff::engine
