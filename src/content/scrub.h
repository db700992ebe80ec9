// Scrub: reads blobs again and compares them with their digests, no faster than asked, so that
// rot is found while another copy can still be had. What was read is remembered with each
// blob: whoever goes on later begins with what was longest not read.
#pragma once

#include <thread>

#include "content/content_store.h"

namespace skiff::content {

struct ScrubOptions {
  uint64_t bytes_per_second = 0;  // 0 for as fast as it goes
  TimePoint unread_since;         // what was verified then or later is left out
  // Asked before each blob: an error ends it. Without one what was read can always be noted.
  std::function<Result<>()> may_note = {};
};

struct ScrubTotals {
  size_t blobs = 0;
  size_t layers = 0;  // of a snapshotter
  uint64_t bytes = 0;
  size_t damaged = 0;  // with those that were known before
};

// Reads what is due, that longest not read first; tells of each damaged blob. What is found is
// in the log too, and in `check`.
Result<ScrubTotals> scrub(ContentStore& store, const ScrubOptions& options,
                          const std::function<void(const Error&)>& damaged,
                          const CancelToken& cancel);

// Scrubs as long as it lives, in a thread of its own: all is read once a week.
class Scrubber {
 public:
  using Work = std::function<Result<ScrubTotals>(const ScrubOptions&, const CancelToken&)>;
  // What `work` uses, `store` and `clock` must outlive it.
  Scrubber(Work work, uint64_t bytes_per_second, const Clock& clock = Clock::system());
  Scrubber(ContentStore& store, uint64_t bytes_per_second, const Clock& clock = Clock::system());
  Scrubber(const Scrubber&) = delete;
  Scrubber& operator=(const Scrubber&) = delete;
  ~Scrubber() { cancel_.cancel(); }

 private:
  void run(const CancelToken& cancel);

  Work work_;
  uint64_t bytes_per_second_;
  const Clock& clock_;
  CancelSource cancel_;
  std::jthread thread_;  // last: it uses the rest
};

}  // namespace skiff::content
