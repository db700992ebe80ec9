// PacedWriter: the calls by which a stream sends, held to a PaceLimit. Used by streams only.
//
// A call that may not wait longer than patience() is made again and again until it sends
// something or the peer proves too slow. A call that ran out of patience is half a window: the
// kernel wakes a writer when a good part of its buffer is free, which takes a slow but honest
// reader long, so that what it acknowledged meanwhile counts.
#pragma once

#include <sys/types.h>

#include <cerrno>
#include <chrono>
#include <optional>

#include "net/pace.h"

namespace skiff::net {

class PacedWriter {
 public:
  PacedWriter() = default;
  explicit PacedWriter(PaceLimit limit) : pace_(limit), patience_(limit.stall / 2) {}

  // How long one call may wait; 0 is for ever.
  std::chrono::milliseconds patience() const { return patience_; }

  // Calls `send`, which returns as send(2) does, EAGAIN meaning that patience ran out.
  template <typename Send>
  Result<size_t> attempt(int socket, const char* what, Send send) {
    for (;;) {
      const auto begun = pace_.limited() ? Clock::now() : Clock::time_point();
      const ssize_t n = send();
      if (n < 0 && errno == EINTR) continue;
      if (n < 0 && (errno != EAGAIN || !pace_.limited())) return Error::from_errno(errno, what);
      if (!pace_.limited()) return static_cast<size_t>(n);
      const uint64_t taken = n < 0 ? acknowledged(socket) : static_cast<uint64_t>(n);
      TRY_CONTEXT(pace_.moved(Clock::now() - begun, taken), what);
      if (n < 0) continue;
      unacknowledged_.reset();
      return static_cast<size_t>(n);
    }
  }

  // The same for a stream that waits by itself: after each wait for room, of at most patience(),
  // and after each success.
  Result<> waited(int socket, std::chrono::nanoseconds waited, bool in_vain) {
    return pace_.moved(waited, in_vain ? acknowledged(socket) : 0);
  }
  void sent(size_t bytes) {
    unacknowledged_.reset();
    [[maybe_unused]] auto never_late = pace_.moved({}, bytes);
  }

 private:
  using Clock = std::chrono::steady_clock;

  // Bytes that the peer has acknowledged since this was asked last, nothing being sent between.
  uint64_t acknowledged(int socket);

  Pace pace_;
  std::chrono::milliseconds patience_{0};
  std::optional<int> unacknowledged_;
};

}  // namespace skiff::net
