#include "buildkit/progress_feed.h"

#include <utility>

namespace skiff::buildkit {

bool ProgressFeed::push(std::string message, Kind kind) {
  const std::scoped_lock lock(mutex_);
  if (left_ || closed_) return true;
  const bool whole = messages_.push(std::move(message), kind);
  changed_.notify_all();
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
  changed_.notify_all();
}

std::optional<std::string> ProgressFeed::next() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return closed_ || left_ || !messages_.empty(); });
  if (messages_.empty()) return std::nullopt;
  return messages_.pop();
}

}  // namespace skiff::buildkit
