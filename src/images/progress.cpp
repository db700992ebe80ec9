#include "images/progress.h"

namespace skiff::images {

namespace {
constexpr std::chrono::milliseconds kInterval{100};
}

void ProgressStream::name(const std::string& id, const std::string& digest) {
  const std::scoped_lock lock(mutex_);
  digests_[id] = digest;
}

void ProgressStream::say(const std::string& id, const std::string& status) {
  const std::scoped_lock lock(mutex_);
  emit({.id = id, .status = status});
}

void ProgressStream::bytes(const std::string& id, const std::string& status, uint64_t current,
                           uint64_t total) {
  const std::scoped_lock lock(mutex_);
  const auto now = std::chrono::steady_clock::now();
  auto [last, is_first] = last_.try_emplace(id, now);
  if (!is_first && now - last->second < kInterval && current < total) return;
  last->second = now;
  emit({.id = id, .status = status, .current = current, .total = total});
}

void ProgressStream::emit(ProgressEvent event) {
  const auto named = digests_.find(event.id);
  if (named != digests_.end()) event.digest = named->second;
  if (sink_) sink_(event);
}

Result<size_t> ProgressSource::read(std::span<char> buffer) {
  const size_t n = TRY(from_.read(buffer));
  total_ += n;
  report_(total_);
  return n;
}

}  // namespace skiff::images
