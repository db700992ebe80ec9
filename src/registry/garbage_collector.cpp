#include "registry/garbage_collector.h"

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "base/recurring_error.h"
#include "base/strings.h"

namespace skiff::registry {

namespace {

// Of one transaction: pushes wait for it.
constexpr size_t kBatch = 500;
// Forgotten together, at the price of one sync for each directory that had one of them.
constexpr size_t kMostGone = 50'000;
constexpr size_t kDiscarded = 1'000;  // at once: as many as S3 removes by one request
constexpr std::chrono::milliseconds kLongestPause{60'000};
constexpr std::chrono::milliseconds kShortestPause{100};
constexpr std::chrono::minutes kRetry{1};  // of a removal that failed

}  // namespace

GarbageCollector::GarbageCollector(Blobs& blobs, MetadataStore& metadata, UploadSessions& uploads,
                                   DigestLocks& locks, RemovalGate& gate,
                                   std::chrono::seconds upload_age, std::chrono::seconds grace,
                                   const Clock& clock)
    : blobs_(blobs),
      metadata_(metadata),
      uploads_(uploads),
      locks_(locks),
      gate_(gate),
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
  std::lock_guard lock(collecting_);
  forgotten_ = 0;
  TRY(finish_interrupted());
  TRY(forget());
  if (forgotten_ > 0) log_info(cat("removed ", forgotten_, " blobs that a crash left"));
  return {};
}

Result<size_t> GarbageCollector::collect() {
  Result<size_t> collected = collect_all();
  ++(collected ? totals_.collections : totals_.failures);
  if (collected) totals_.last = unix_nanos(clock_.now());
  return collected;
}

Result<size_t> GarbageCollector::collect_all() {
  TRY(uploads_.sweep(upload_age_));
  std::lock_guard lock(collecting_);
  forgotten_ = 0;
  const bool again = clock_.now() >= retry_at_;
  if (again) TRY(finish_interrupted());
  while (TRY(review_some()) > 0) TRY(forget_if_many());
  TRY(forget());
  if (again) TRY(discard());
  return forgotten_;
}

// What is neither stored nor gone, while nobody is at work on it: an earlier process or removal
// ended in the middle.
Result<> GarbageCollector::finish_interrupted() {
  if (blobs_.files() == nullptr) return {};
  std::string after;
  for (;;) {
    TRY(forget_if_many());
    const auto pass = gate_.try_pass();
    if (!pass) return {};
    const std::vector<oci::Digest> page = TRY(metadata_.unsettled_blobs(after, kBatch));
    if (page.empty()) return {};
    after = page.back().str();
    Locks locks(locks_);
    std::vector<oci::Digest> left;
    for (const oci::Digest& blob : page) {
      if (locks.take(blob) && TRY(metadata_.is_unsettled(blob))) left.push_back(blob);
    }
    remove(left);
  }
}

// The number of candidates reviewed.
Result<size_t> GarbageCollector::review_some() {
  const auto pass = gate_.try_pass();
  if (!pass) return 0;
  Locks locks(locks_);
  const Garbage::Review review = TRY(
      metadata_.take_garbage(kBatch, [&](const oci::Digest& blob) { return locks.take(blob); }));
  totals_.reviewed += review.reviewed;
  remove(review.doomed);
  forgotten_ += review.discarded;
  totals_.removed += review.discarded;
  return review.reviewed;
}

// By who holds their locks. Those whose removal fails stay unsettled.
void GarbageCollector::remove(const std::vector<oci::Digest>& blobs) {
  if (blobs.empty()) return;
  std::vector<uint64_t> sizes;
  for (const oci::Digest& blob : blobs) {
    const Result<content::BlobInfo> info = blobs_.files()->info(blob);
    sizes.push_back(info ? info->size : 0);
  }
  const std::vector<Result<>> outcomes = blobs_.files()->remove_all(blobs);
  for (size_t i = 0; i < blobs.size(); ++i) {
    if (outcomes[i]) {
      ++totals_.removed;
      totals_.bytes += sizes[i];
      log_debug(cat("blob ", blobs[i].str(), " removed: nothing names it"));
      gone_.push_back(blobs[i]);
    } else {
      try_later(outcomes[i].error());
    }
  }
}

Result<> GarbageCollector::forget_if_many() {
  return gone_.size() < kMostGone ? Result<>() : forget();
}

Result<> GarbageCollector::forget() {
  if (gone_.empty()) return {};
  const std::vector<oci::Digest> gone = std::exchange(gone_, {});
  if (const Result<> synced = blobs_.files()->sync_removed(gone); !synced) {
    try_later(synced.error());
    return {};
  }
  for (std::span<const oci::Digest> rest(gone); !rest.empty();) {
    const std::span<const oci::Digest> some = rest.first(std::min(rest.size(), kBatch));
    TRY(drop(some));
    rest = rest.subspan(some.size());
  }
  return {};
}

// By nobody's locks: one that is being pushed again, or was meanwhile, is let be.
Result<> GarbageCollector::drop(std::span<const oci::Digest> blobs) {
  Locks locks(locks_);
  std::vector<oci::Digest> ours;
  for (const oci::Digest& blob : blobs) {
    if (!locks.take(blob) || !TRY(metadata_.is_unsettled(blob))) continue;
    if (!blobs_.files()->info(blob)) ours.push_back(blob);
  }
  TRY(metadata_.drop_blobs(ours));
  forgotten_ += ours.size();
  return {};
}

// What no row names any more.
Result<> GarbageCollector::discard() {
  std::string after;
  for (;;) {
    const auto pass = gate_.try_pass();
    if (!pass) return {};
    const std::vector<std::string> page = TRY(metadata_.discarded(after, kDiscarded));
    if (page.empty()) return {};
    after = page.back();
    const std::vector<Result<>> outcomes = blobs_.discard(page);
    std::vector<std::string> gone;
    for (size_t i = 0; i < page.size(); ++i) {
      if (outcomes[i]) {
        gone.push_back(page[i]);
      } else {
        try_later(outcomes[i].error());
      }
    }
    TRY(metadata_.forget_discarded(gone));
  }
}

void GarbageCollector::try_later(const Error& error) {
  ++totals_.failures;
  log_warn(cat("garbage collection: ", error.message(), "; tried again later"));
  retry_at_ = clock_.now() + kRetry;
}

void GarbageCollector::start() {
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

void GarbageCollector::run(const std::stop_token& stop) {
  RecurringError failing;
  while (!stop.stop_requested()) {
    Result<size_t> removed = collect();
    if (failing.is_news(removed)) log_warn(cat("garbage collection: ", removed.error().message()));
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
