#include "net/pace.h"

#include <algorithm>
#include <limits>

#include "base/strings.h"

namespace skiff::net {

int system_milliseconds(std::chrono::milliseconds time) {
  return static_cast<int>(std::min<int64_t>(time.count(), std::numeric_limits<int>::max()));
}

Result<> Pace::moved(std::chrono::nanoseconds waited, uint64_t bytes) {
  if (!limited()) return {};
  waited_ += waited;
  bytes_ += bytes;
  if (waited_ < limit_.stall) return {};
  const double seconds = std::chrono::duration<double>(waited_).count();
  const double least = std::max(1.0, seconds * static_cast<double>(limit_.least_rate));
  if (static_cast<double>(bytes_) < least) {
    const auto milliseconds = std::chrono::ceil<std::chrono::milliseconds>(waited_).count();
    return Error(Code::kDeadlineExceeded,
                 cat("timed out: the peer moved ", bytes_, " bytes in ", milliseconds, " ms"));
  }
  waited_ = {};
  bytes_ = 0;
  return {};
}

}  // namespace skiff::net
