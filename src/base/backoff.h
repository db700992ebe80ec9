// Backoff: how often, and after which pause, a request that failed is tried again.
//
//   Backoff backoff(options.attempts, options.retry_delay, cancel);
//   do { ... } while (TRY(backoff.again(retry_after)));
#pragma once

#include <chrono>
#include <optional>

#include "base/cancellation.h"

namespace skiff {

class Backoff {
 public:
  Backoff(int attempts, std::chrono::milliseconds first_delay, CancelToken cancel)
      : attempts_(attempts), first_delay_(first_delay), cancel_(std::move(cancel)) {}

  // False when no attempt is left; otherwise waits (each time twice as long, or as long as
  // the server asked, at most a minute) and says true. kCancelled once cancelled.
  Result<bool> again(std::optional<std::chrono::milliseconds> server_wish = std::nullopt);
  // The last attempt got further than those before: count from the beginning.
  void progressed() { used_ = 0; }

 private:
  int attempts_;
  std::chrono::milliseconds first_delay_;
  CancelToken cancel_;
  int used_ = 0;
};

}  // namespace skiff
