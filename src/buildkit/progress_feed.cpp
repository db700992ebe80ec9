#include "buildkit/progress_feed.h"

namespace skiff::buildkit {

namespace {
constexpr size_t kFarBehind = size_t{1} << 20U;
}

void ProgressFeed::push(std::string message) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return !heard_ || left_ || bytes_ < kFarBehind; });
  if (left_ || closed_) return;
  bytes_ += message.size();
  messages_.push_back(std::move(message));
  while (!heard_ && bytes_ > kFarBehind) {
    bytes_ -= messages_.front().size();
    messages_.pop_front();
  }
  changed_.notify_all();
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
  std::string out = std::move(messages_.front());
  messages_.pop_front();
  bytes_ -= out.size();
  changed_.notify_all();
  return out;
}

}  // namespace skiff::buildkit
