#include "registry/garbage_collector.h"

#include <algorithm>

#include "base/log.h"
#include "base/strings.h"

namespace skiff::registry {

namespace {

// Of one transaction: pushes wait for it.
constexpr size_t kBatch = 200;
constexpr std::chrono::milliseconds kLongestPause{60'000};
constexpr std::chrono::milliseconds kShortestPause{100};
constexpr std::chrono::minutes kRetry{1};  // of a removal that failed

}  // namespace

GarbageCollector::GarbageCollector(content::ContentStore& content, MetadataStore& metadata,
                                   UploadSessions& uploads, DigestLocks& locks,
                                   std::chrono::seconds upload_age, std::chrono::seconds grace,
                                   const Clock& clock)
    : content_(content),
      metadata_(metadata),
      uploads_(uploads),
      locks_(locks),
      upload_age_(upload_age),
      longest_pause_(std::clamp(std::chrono::milliseconds(grace), kShortestPause, kLongestPause)),
      clock_(clock) {}

bool GarbageCollector::Locks::take(const oci::Digest& digest) {
  if (held_.contains(digest)) return true;
  auto guard = locks_.try_lock(digest);
  if (guard) held_.emplace(digest, std::move(*guard));
  return guard.has_value();
}

Result<> GarbageCollector::recover() {
  const size_t removed = TRY(finish_interrupted());
  if (removed > 0) log_info(cat("removed ", removed, " blobs that a crash left"));
  return {};
}

Result<size_t> GarbageCollector::collect() {
  TRY(uploads_.sweep(upload_age_));
  size_t removed = 0;
  if (clock_.now() >= retry_at_.load()) removed += TRY(finish_interrupted());
  size_t reviewed = kBatch;
  while (reviewed == kBatch) removed += TRY(collect_some(reviewed));
  return removed;
}

// What is neither stored nor gone, while nobody is at work on it: an earlier process or removal
// ended in the middle.
Result<size_t> GarbageCollector::finish_interrupted() {
  size_t removed = 0;
  std::string after;
  for (;;) {
    const std::vector<oci::Digest> page = TRY(metadata_.unsettled_blobs(after, kBatch));
    if (page.empty()) return removed;
    after = page.back().str();
    Locks locks(locks_);
    std::vector<oci::Digest> left;
    for (const oci::Digest& blob : page) {
      if (locks.take(blob) && TRY(metadata_.is_unsettled(blob))) left.push_back(blob);
    }
    removed += TRY(remove(left));
  }
}

Result<size_t> GarbageCollector::collect_some(size_t& reviewed) {
  Locks locks(locks_);
  const Garbage::Review review = TRY(
      metadata_.take_garbage(kBatch, [&](const oci::Digest& blob) { return locks.take(blob); }));
  reviewed = review.reviewed;
  return remove(review.doomed);
}

// Those whose removal fails stay unsettled.
Result<size_t> GarbageCollector::remove(const std::vector<oci::Digest>& blobs) {
  std::vector<oci::Digest> gone;
  for (const oci::Digest& blob : blobs) {
    const Result<> removed = content_.remove(blob);
    if (removed || removed.error().code() == Code::kNotFound) {
      log_debug(cat("blob ", blob.str(), " removed: nothing names it"));
      gone.push_back(blob);
      continue;
    }
    log_warn(cat("garbage collection: ", removed.error().message(), "; tried again later"));
    retry_at_ = clock_.now() + kRetry;
  }
  if (!gone.empty()) TRY(metadata_.drop_blobs(gone));
  return gone.size();
}

void GarbageCollector::start() {
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

void GarbageCollector::run(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    Result<size_t> removed = collect();
    if (!removed) log_warn(cat("garbage collection: ", removed.error().message()));
    if (removed && *removed > 0) log_info(cat("garbage collection removed ", *removed, " blobs"));
    const std::chrono::milliseconds wait = removed ? pause() : longest_pause_;
    std::unique_lock lock(mutex_);
    wake_.wait_for(lock, stop, wait, [] { return false; });
  }
}

// Until the next candidate's time, and not longer than it takes a new one to be due: nobody wakes
// the collector.
std::chrono::milliseconds GarbageCollector::pause() {
  const Result<std::optional<TimePoint>> next = metadata_.next_review();
  if (!next || !*next) return longest_pause_;
  const auto wait = std::chrono::ceil<std::chrono::milliseconds>(**next - clock_.now());
  return std::clamp(wait, kShortestPause, longest_pause_);
}

}  // namespace skiff::registry
