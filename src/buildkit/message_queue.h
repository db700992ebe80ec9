// MessageQueue: what a build tells on the way, serialized StatusResponses in their order, in
// bounded room.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>

namespace skiff::buildkit {

// For one thread at a time.
class MessageQueue {
 public:
  enum class Kind : uint8_t {
    kKept,    // there are few of them
    kMayGo,   // the oldest go where there is too much
    kOutput,  // the same, and it is told: see push
  };
  explicit MessageQueue(size_t most_bytes) : most_(most_bytes) {}

  // False where output has gone for want of room.
  bool push(std::string message, Kind kind);
  std::string pop();
  void clear();
  bool empty() const { return messages_.empty(); }
  template <typename Use>
  void for_each(const Use& use) const {
    for (const Message& message : messages_) use(message.bytes);
  }

 private:
  struct Message {
    std::string bytes;
    Kind kind = Kind::kKept;
  };
  bool make_room();

  size_t most_;
  size_t bytes_ = 0;
  std::deque<Message> messages_;
};

}  // namespace skiff::buildkit
