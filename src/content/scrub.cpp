#include "content/scrub.h"

#include <algorithm>

#include "base/log.h"
#include "base/strings.h"
#include "content/paced_source.h"

namespace skiff::content {

namespace {

constexpr std::chrono::hours kEach{7 * 24};
constexpr std::chrono::minutes kBetweenLooks{10};

// Of a store of millions: as many are looked up at a time, so that memory does not grow with it.
constexpr size_t kAtOnce = 20'000;

bool read_before(const BlobInfo& a, const BlobInfo& b) { return a.verified < b.verified; }

// Those longest not read; `damaged` ones all, when asked for.
Result<std::vector<BlobInfo>> due_blobs(ContentStore& store, TimePoint unread_since,
                                        bool with_damaged) {
  std::vector<BlobInfo> due;  // a heap with the latest in front
  TRY(store.walk([&](const BlobInfo& blob) -> Result<> {
    const bool is_due = blob.damaged ? with_damaged : blob.verified < unread_since;
    if (!is_due) return {};
    due.push_back(blob);
    std::ranges::push_heap(due, read_before);
    if (due.size() > kAtOnce) {
      std::ranges::pop_heap(due, read_before);
      due.pop_back();
    }
    return {};
  }));
  std::ranges::sort(due, read_before);
  return due;
}

}  // namespace

Result<ScrubTotals> scrub(ContentStore& store, const ScrubOptions& options,
                          const std::function<void(const Error&)>& damaged,
                          const CancelToken& cancel) {
  ScrubTotals totals;
  Pace pace(options.bytes_per_second);
  const auto read_again = [&](const BlobInfo& blob) -> Result<> {
    if (options.may_note) TRY(options.may_note());
    // What is known to be damaged is told, and not read again and again.
    const VerifyOptions how{.always = !blob.damaged, .bytes_per_second = options.bytes_per_second};
    const Result<> verified = store.verify(blob.digest, how, cancel);
    if (!verified && verified.error().code() == Code::kNotFound) return {};  // removed meanwhile
    if (!verified && verified.error().code() != Code::kDataLoss) return verified.error();
    ++totals.blobs;
    totals.bytes += blob.size;
    if (!verified) {
      ++totals.damaged;
      damaged(verified.error());
    }
    return pace.wait(totals.bytes, cancel);
  };
  bool first = true;
  for (size_t found = kAtOnce; found == kAtOnce; first = false) {
    const std::vector<BlobInfo> due = TRY(due_blobs(store, options.unread_since, first));
    for (const BlobInfo& blob : due) TRY(read_again(blob));
    found = due.size();
  }
  return totals;
}

Scrubber::Scrubber(ContentStore& store, uint64_t bytes_per_second, const Clock& clock)
    : Scrubber(
          [&store](const ScrubOptions& options, const CancelToken& cancel) {
            return scrub(store, options, [](const Error&) {}, cancel);
          },
          bytes_per_second, clock) {}

Scrubber::Scrubber(Work work, uint64_t bytes_per_second, const Clock& clock)
    : work_(std::move(work)),
      bytes_per_second_(bytes_per_second),
      clock_(clock),
      thread_([this, cancel = cancel_.token()] { run(cancel); }) {}

void Scrubber::run(const CancelToken& cancel) {
  do {
    const ScrubOptions options{.bytes_per_second = bytes_per_second_,
                               .unread_since = clock_.now() - kEach};
    const auto done = work_(options, cancel);
    if (cancel.cancelled()) return;
    if (!done) log_warn(cat("scrub: ", done.error().message()));
    if (done && done->bytes > 0) {
      log_info(cat("scrub: read ", done->blobs, " blobs, ", done->layers, " layers, ", done->bytes,
                   " bytes; ", done->damaged, " damaged"));
    }
  } while (pause(kBetweenLooks, cancel).has_value());
}

}  // namespace skiff::content
