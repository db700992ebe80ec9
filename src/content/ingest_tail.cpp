#include "content/ingest_tail.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>

#include "base/strings.h"

namespace skiff::content {

namespace {
// How soon a waiting reader notices that it was cancelled.
constexpr std::chrono::milliseconds kCancelCheck{50};
// A reader is not woken for less.
constexpr uint64_t kStep = uint64_t{256} << 10U;
}  // namespace

void IngestGrowth::reached(uint64_t bytes) {
  const std::scoped_lock lock(mutex_);
  bytes_ = bytes;
  if (bytes_ < wanted_) return;
  wanted_ = UINT64_MAX;
  changed_.notify_all();
}

void IngestGrowth::ended() {
  const std::scoped_lock lock(mutex_);
  ended_ = true;
  changed_.notify_all();
}

Result<uint64_t> IngestGrowth::wait_for(uint64_t bytes, const CancelToken& cancel) {
  std::unique_lock lock(mutex_);
  while (bytes_ < bytes && !ended_) {
    TRY(cancel.check());
    wanted_ = std::min(wanted_, bytes);
    changed_.wait_for(lock, kCancelCheck);
  }
  return bytes_;
}

IngestTail::~IngestTail() {
  if (stream_) stream_->passed(UINT64_MAX);
}

Result<size_t> IngestTail::read(std::span<char> buffer) {
  while (offset_ < size_ && !buffer.empty()) {
    if (there_ <= offset_) {
      there_ = TRY(growth_->wait_for(std::min(offset_ + kStep, size_), cancel_));
    }
    if (there_ <= offset_) {
      return Error(Code::kUnavailable, cat("it ended after ", there_, " of ", size_, " bytes"));
    }
    const auto most =
        static_cast<size_t>(std::min<uint64_t>(buffer.size(), std::min(there_, size_) - offset_));
    const size_t n = TRY(read_at_offset(buffer.first(most)));
    offset_ += n;
    if (stream_) stream_->passed(offset_);
    if (n > 0) return n;
    TRY(cancel_.check());
    there_ = 0;  // it was cut off since: it starts again, or ends
  }
  return 0;
}

Result<size_t> IngestTail::read_at_offset(std::span<char> buffer) {
  if (const size_t n = stream_ ? stream_->copy_from(offset_, buffer) : 0; n > 0) return n;
  for (;;) {
    const ssize_t n =
        ::pread(file_.get(), buffer.data(), buffer.size(), static_cast<off_t>(offset_));
    if (n >= 0) return static_cast<size_t>(n);
    if (errno != EINTR) return Error::from_errno(errno, "read what was written");
  }
}

}  // namespace skiff::content
