#include "buildkit/message_queue.h"

#include <algorithm>
#include <utility>

namespace skiff::buildkit {

namespace {

// Of a message, beside its bytes.
constexpr size_t kMessageOverhead = 64;

}  // namespace

bool MessageQueue::push(std::string message, Kind kind) {
  bytes_ += message.size() + kMessageOverhead;
  messages_.push_back({std::move(message), kind});
  return make_room();
}

// False where output goes.
bool MessageQueue::make_room() {
  bool whole = true;
  while (bytes_ > most_) {
    const auto oldest =
        std::ranges::find_if(messages_, [](const Message& m) { return m.kind != Kind::kKept; });
    if (oldest == messages_.end()) break;
    if (oldest->kind == Kind::kOutput) whole = false;
    bytes_ -= oldest->bytes.size() + kMessageOverhead;
    messages_.erase(oldest);
  }
  return whole;
}

std::string MessageQueue::pop() {
  std::string out = std::move(messages_.front().bytes);
  messages_.pop_front();
  bytes_ -= out.size() + kMessageOverhead;
  return out;
}

void MessageQueue::clear() {
  messages_.clear();
  bytes_ = 0;
}

}  // namespace skiff::buildkit
