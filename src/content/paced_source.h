// Pace, PacedSource: work that goes on no faster than asked.
#pragma once

#include <chrono>

#include "base/cancellation.h"
#include "base/io.h"

namespace skiff::content {

// Kills time; kCancelled as soon as `cancel` is.
Result<> pause(std::chrono::nanoseconds time, const CancelToken& cancel);

// Bytes in time, from its construction on.
class Pace {
 public:
  explicit Pace(uint64_t bytes_per_second) : rate_(bytes_per_second) {}  // 0: any speed
  // Returns when so many bytes may be done.
  Result<> wait(uint64_t total, const CancelToken& cancel) const;
  uint64_t rate() const { return rate_; }

 private:
  uint64_t rate_;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

class PacedSource : public Source {
 public:
  PacedSource(Source& from, uint64_t bytes_per_second, const CancelToken& cancel)
      : from_(from), pace_(bytes_per_second), cancel_(cancel) {}

  Result<size_t> read(std::span<char> buffer) override;

 private:
  Source& from_;
  Pace pace_;
  const CancelToken& cancel_;
  uint64_t total_ = 0;
};

}  // namespace skiff::content
