#include "buildkit/progress_feed.h"

#include <algorithm>
#include <utility>

namespace skiff::buildkit {

namespace {

constexpr size_t kFarBehind = size_t{4} << 20U;
// Of a message, beside its bytes.
constexpr size_t kOverhead = 64;

}  // namespace

bool ProgressFeed::push(std::string message, Kind kind) {
  const std::scoped_lock lock(mutex_);
  if (left_ || closed_) return true;
  bytes_ += message.size() + kOverhead;
  messages_.push_back({std::move(message), kind});
  changed_.notify_all();
  return make_room();
}

// False where output goes.
bool ProgressFeed::make_room() {
  bool whole = true;
  while (bytes_ > kFarBehind) {
    const auto oldest =
        std::ranges::find_if(messages_, [](const Message& m) { return m.kind != Kind::kKept; });
    if (oldest == messages_.end()) break;
    if (oldest->kind == Kind::kOutput) whole = false;
    bytes_ -= oldest->bytes.size() + kOverhead;
    messages_.erase(oldest);
  }
  return whole;
}

void ProgressFeed::close() {
  const std::scoped_lock lock(mutex_);
  closed_ = true;
  changed_.notify_all();
}

bool ProgressFeed::listen() {
  const std::scoped_lock lock(mutex_);
  return !std::exchange(heard_, true);
}

void ProgressFeed::stop_listening() {
  const std::scoped_lock lock(mutex_);
  left_ = true;
  messages_.clear();
  bytes_ = 0;
  changed_.notify_all();
}

std::optional<std::string> ProgressFeed::next() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return closed_ || left_ || !messages_.empty(); });
  if (messages_.empty()) return std::nullopt;
  std::string out = std::move(messages_.front().bytes);
  messages_.pop_front();
  bytes_ -= out.size() + kOverhead;
  return out;
}

}  // namespace skiff::buildkit
