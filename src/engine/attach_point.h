// AttachPoint: a client that attached before its container started. The start hands it the
// live stream before the process runs, so that no byte is missed.
#pragma once

#include <mutex>
#include <optional>

#include "base/cancellation.h"
#include "base/unique_fd.h"

namespace skiff::engine {

class AttachPoint {
 public:
  explicit AttachPoint(bool wants_stdin);

  bool wants_stdin() const { return wants_stdin_; }
  void give(UniqueFd stream);
  // There will be no stream: the start failed or the container is gone.
  void close();
  // The stream; none when closed; kCancelled.
  Result<UniqueFd> wait(const CancelToken& cancel, int client_fd);

 private:
  bool wants_stdin_;
  UniqueFd wake_;
  std::mutex mutex_;
  bool done_ = false;
  UniqueFd stream_;
};

}  // namespace skiff::engine
