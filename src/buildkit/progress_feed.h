// ProgressFeed: what a build tells its client on the way (moby.buildkit.v1.Control/Status): a queue
// of serialized StatusResponses between the build and the one call that listens. The build never
// waits for it: it holds locks that others want. Thread-safe.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <string>

namespace skiff::buildkit {

class ProgressFeed {
 public:
  enum class Kind : uint8_t {
    kKept,    // there are few of them
    kMayGo,   // the oldest go while too much waits to be read
    kOutput,  // the same, and it is told: see push
  };
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
  struct Message {
    std::string bytes;
    Kind kind = Kind::kKept;
  };
  bool make_room();

  std::mutex mutex_;  // of what follows
  std::condition_variable changed_;
  std::deque<Message> messages_;
  size_t bytes_ = 0;
  bool closed_ = false;
  bool heard_ = false;  // somebody listens
  bool left_ = false;   // or did
};

}  // namespace skiff::buildkit
