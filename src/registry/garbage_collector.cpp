#include "registry/garbage_collector.h"

#include <algorithm>
#include <map>

#include "base/log.h"
#include "base/strings.h"

namespace skiff::registry {

namespace {

// Of one transaction: pushes wait for it.
constexpr size_t kBatch = 200;
constexpr std::chrono::milliseconds kLongestPause{60'000};
constexpr std::chrono::milliseconds kShortestPause{100};

}  // namespace

GarbageCollector::GarbageCollector(content::ContentStore& content, MetadataStore& metadata,
                                   UploadSessions& uploads, DigestLocks& locks,
                                   std::chrono::seconds upload_age, const Clock& clock)
    : content_(content),
      metadata_(metadata),
      uploads_(uploads),
      locks_(locks),
      upload_age_(upload_age),
      clock_(clock) {}

Result<> GarbageCollector::recover() {
  const std::vector<oci::Digest> blobs = TRY(metadata_.interrupted_blobs());
  if (!blobs.empty()) log_info(cat("removing ", blobs.size(), " blobs that a crash left"));
  return remove(blobs);
}

Result<size_t> GarbageCollector::collect() {
  TRY(uploads_.sweep(upload_age_));
  size_t removed = 0;
  size_t reviewed = kBatch;
  while (reviewed == kBatch) removed += TRY(collect_some(reviewed));
  return removed;
}

Result<size_t> GarbageCollector::collect_some(size_t& reviewed) {
  std::map<oci::Digest, DigestLocks::Guard> guards;
  const auto lock = [&](const oci::Digest& digest) {
    if (guards.contains(digest)) return true;
    auto guard = locks_.try_lock(digest);
    if (guard) guards.emplace(digest, std::move(*guard));
    return guard.has_value();
  };
  const Garbage::Review review = TRY(metadata_.take_garbage(kBatch, lock));
  reviewed = review.reviewed;
  TRY(remove(review.doomed));
  return review.doomed.size();
}

Result<> GarbageCollector::remove(const std::vector<oci::Digest>& blobs) {
  if (blobs.empty()) return {};
  for (const oci::Digest& blob : blobs) {
    Result<> removed = content_.remove(blob);
    if (!removed && removed.error().code() != Code::kNotFound) return removed;
    log_debug(cat("blob ", blob.str(), " removed: nothing names it"));
  }
  return metadata_.drop_blobs(blobs);
}

void GarbageCollector::start() {
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

void GarbageCollector::run(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    Result<size_t> removed = collect();
    if (!removed) log_warn(cat("garbage collection: ", removed.error().message()));
    if (removed && *removed > 0) log_info(cat("garbage collection removed ", *removed, " blobs"));
    const std::chrono::milliseconds wait = removed ? pause() : kLongestPause;
    std::unique_lock lock(mutex_);
    wake_.wait_for(lock, stop, wait, [] { return false; });
  }
}

// Until the next candidate's time.
std::chrono::milliseconds GarbageCollector::pause() {
  const Result<std::optional<TimePoint>> next = metadata_.next_review();
  if (!next || !*next) return kLongestPause;
  const auto wait = std::chrono::ceil<std::chrono::milliseconds>(**next - clock_.now());
  return std::clamp(wait, kShortestPause, kLongestPause);
}

}  // namespace skiff::registry
