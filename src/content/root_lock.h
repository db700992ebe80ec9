// RootLock: one process a directory. A second opener is told at once; a crash frees it.
#pragma once

#include "base/file.h"
#include "base/result.h"
#include "base/unique_fd.h"

namespace skiff::content {

class RootLock {
 public:
  // Locks ROOT/lock; kUnavailable while another process (or another store of this one) has it.
  static Result<RootLock> take(const Path& root);

 private:
  explicit RootLock(UniqueFd fd) : fd_(std::move(fd)) {}
  UniqueFd fd_;
};

}  // namespace skiff::content
