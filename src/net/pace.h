// Pace: whether a peer still moves bytes while a thread waits for it. One that sends a body or
// takes an answer too slowly holds a thread and a connection that others need.
//
//   Pace pace({.stall = 30s, .least_rate = 1024});
//   TRY(pace.moved(how_long_the_call_waited, bytes_that_moved));   // after each read or write
//
// Only waiting counts, in windows of `stall`: the time that a handler spends on its disk is not
// the peer's. In each window at least one byte must move, and `least_rate` bytes a second.
#pragma once

#include <chrono>
#include <cstdint>

#include "base/result.h"

namespace skiff::net {

struct PaceLimit {
  std::chrono::milliseconds stall{0};  // 0: the peer may take for ever
  uint64_t least_rate = 0;             // bytes a second
};

// For a system call that takes milliseconds as an int: the longest there are where it is longer.
int system_milliseconds(std::chrono::milliseconds time);

class Pace {
 public:
  Pace() = default;
  explicit Pace(PaceLimit limit) : limit_(limit) {}

  bool limited() const { return limit_.stall.count() > 0; }
  // kDeadlineExceeded once a window is over in which too little moved.
  Result<> moved(std::chrono::nanoseconds waited, uint64_t bytes);

 private:
  PaceLimit limit_;
  std::chrono::nanoseconds waited_{0};  // in this window
  uint64_t bytes_ = 0;
};

}  // namespace skiff::net
