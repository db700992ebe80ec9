// ProgressFeed: what a build tells its client on the way (moby.buildkit.v1.Control/Status): a queue
// of serialized StatusResponses between the build and the one call that listens. Thread-safe.
#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <string>

namespace skiff::buildkit {

class ProgressFeed {
 public:
  // Waits while a listener is far behind. Where nobody has come to listen, the oldest go.
  void push(std::string message);
  // No more will come.
  void close();

  // False where somebody listens already.
  bool listen();
  // The listener is gone: nothing waits for it any more.
  void stop_listening();
  // nullopt at the end.
  std::optional<std::string> next();

 private:
  std::mutex mutex_;  // of what follows
  std::condition_variable changed_;
  std::deque<std::string> messages_;
  size_t bytes_ = 0;
  bool closed_ = false;
  bool heard_ = false;  // somebody listens
  bool left_ = false;   // or did
};

}  // namespace skiff::buildkit
