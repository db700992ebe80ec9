#include "upstream/eviction.h"

#include "base/log.h"
#include "base/recurring_error.h"
#include "base/strings.h"

namespace skiff::upstream {

namespace {

// Looking reads what is known of all that is cached.
constexpr std::chrono::seconds kBetweenLooks{10};
// A pull is longer than its manifest's turn.
constexpr std::chrono::minutes kInUse{5};

}  // namespace

Eviction::Eviction(registry::MetadataStore& metadata, uint64_t limit, std::string server,
                   const Clock& clock)
    : metadata_(metadata), limit_(limit), server_(std::move(server)), clock_(clock) {
  if (limit_ > 0) thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

void Eviction::look() {
  std::lock_guard lock(mutex_);
  has_more_ = true;
  wake_.notify_all();
}

Result<size_t> Eviction::make_room() {
  size_t gone = 0;
  if (limit_ == 0) return gone;
  std::lock_guard lock(making_);
  if (TRY(metadata_.cached_bytes()) <= limit_) return gone;
  const auto claim = TRY(registry::Claim::take(metadata_, "cache", server_, clock_));
  if (!claim) return gone;
  while (TRY(metadata_.cached_bytes()) > limit_ &&
         TRY(metadata_.evict_one(clock_.now() - kInUse))) {
    ++gone;
  }
  return gone;
}

void Eviction::run(const std::stop_token& stop) {
  RecurringError failing;
  while (!stop.stop_requested()) {
    {
      std::unique_lock lock(mutex_);
      if (!wake_.wait(lock, stop, [&] { return has_more_; })) return;
      has_more_ = false;
    }
    const Result<size_t> gone = make_room();
    if (failing.is_news(gone)) log_warn(cat("cache: ", gone.error().message()));
    if (gone && *gone > 0) log_info(cat("cache: ", *gone, " manifests made room"));
    // What is in use now is not for ever.
    const auto held = metadata_.cached_bytes();
    std::unique_lock lock(mutex_);
    if (!held || *held > limit_) has_more_ = true;
    wake_.wait_for(lock, stop, kBetweenLooks, [] { return false; });
  }
}

}  // namespace skiff::upstream
