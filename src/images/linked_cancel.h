// LinkedCancel: a cancellation of our own that also follows the caller's: the workers of one
// pull stop when the caller cancels and when one of them fails.
#pragma once

#include <thread>

#include "base/cancellation.h"

namespace skiff::images {

class LinkedCancel {
 public:
  explicit LinkedCancel(const CancelToken& outer);
  ~LinkedCancel();
  LinkedCancel(const LinkedCancel&) = delete;
  LinkedCancel& operator=(const LinkedCancel&) = delete;

  CancelToken token() const { return own_.token(); }
  void cancel() const { own_.cancel(); }

 private:
  CancelSource own_;
  CancelSource done_;
  std::thread watcher_;  // none for an outer token that is never cancelled
};

}  // namespace skiff::images
