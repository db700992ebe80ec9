// How an exchange reads from its connection: by a deadline, at a pace, or without waiting. Used by
// Exchange only.
#pragma once

#include <chrono>
#include <optional>

#include "base/io.h"
#include "net/pace.h"
#include "net/stream.h"

namespace skiff::net {

// Reads for what must be complete by a deadline: the head of a request, the rest of a body.
class TimedSource : public Source {
 public:
  TimedSource(Stream& stream, std::chrono::milliseconds limit) : stream_(stream), limit_(limit) {}
  Result<size_t> read(std::span<char> buffer) override {
    auto left = limit_;  // of the first read, which is nearly always the only one
    if (deadline_) {
      left = std::chrono::ceil<std::chrono::milliseconds>(*deadline_ -
                                                          std::chrono::steady_clock::now());
    } else {
      deadline_ = std::chrono::steady_clock::now() + limit_;
    }
    if (left.count() <= 0) return Error(Code::kDeadlineExceeded, "read request: timed out");
    stream_.set_read_timeout(left);
    return stream_.read(buffer);
  }

 private:
  Stream& stream_;
  const std::chrono::milliseconds limit_;
  std::optional<std::chrono::steady_clock::time_point> deadline_;
};

// Reads what is there, and fails where that is nothing.
class ReadySource : public Source {
 public:
  explicit ReadySource(Stream& stream) : stream_(stream) {}
  Result<size_t> read(std::span<char> buffer) override {
    const std::optional<size_t> n = TRY(stream_.read_now(buffer));
    if (n) return *n;
    ran_dry_ = true;
    return Error(Code::kUnavailable, "nothing has come yet");
  }
  bool ran_dry() const { return ran_dry_; }

 private:
  Stream& stream_;
  bool ran_dry_ = false;
};

// Reads for a body, whose sender must keep a pace.
class PacedSource : public Source {
 public:
  PacedSource(Stream& stream, Pace& pace) : stream_(stream), pace_(pace) {}
  Result<size_t> read(std::span<char> buffer) override {
    if (!pace_.limited()) return stream_.read(buffer);
    const auto begun = std::chrono::steady_clock::now();
    const size_t n = TRY(stream_.read(buffer));
    TRY_CONTEXT(pace_.moved(std::chrono::steady_clock::now() - begun, n), "read request body");
    return n;
  }

 private:
  Stream& stream_;
  Pace& pace_;
};

}  // namespace skiff::net
