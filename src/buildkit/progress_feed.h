// ProgressFeed: what a build tells its client on the way (moby.buildkit.v1.Control/Status): a queue
// of serialized StatusResponses between the build and the one call that listens. The build never
// waits for it: it holds locks that others want. Thread-safe.
#pragma once

#include <condition_variable>
#include <mutex>
#include <optional>
#include <string>

#include "buildkit/message_queue.h"

namespace skiff::buildkit {

class ProgressFeed {
 public:
  using Kind = MessageQueue::Kind;
  // False where output has gone for want of room.
  bool push(std::string message, Kind kind);
  // No more will come.
  void close();

  // False where somebody listens already.
  bool listen();
  // The listener is gone: nothing waits for it any more.
  void stop_listening();
  // nullopt at the end.
  std::optional<std::string> next();

 private:
  // How far a listener may be behind.
  static constexpr size_t kMostWaiting = size_t{4} << 20U;

  std::mutex mutex_;  // of what follows
  std::condition_variable changed_;
  MessageQueue messages_{kMostWaiting};
  bool closed_ = false;
  bool heard_ = false;  // somebody listens
  bool left_ = false;   // or did
};

}  // namespace skiff::buildkit
