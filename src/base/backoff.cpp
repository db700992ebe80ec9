#include "base/backoff.h"

#include <poll.h>

#include <algorithm>

namespace skiff {

namespace {
constexpr std::chrono::milliseconds kLongestWait{60'000};
}

Result<bool> Backoff::again(std::optional<std::chrono::milliseconds> server_wish) {
  if (++used_ >= attempts_) return false;
  const auto own = first_delay_ * (1 << std::min(used_ - 1, 10));
  const auto wait = std::min(std::max(own, server_wish.value_or(own)), kLongestWait);
  // poll ignores a negative descriptor and is then just the pause.
  pollfd cancelled{.fd = cancel_.fd(), .events = POLLIN, .revents = 0};
  ::poll(&cancelled, 1, static_cast<int>(wait.count()));
  TRY(cancel_.check());
  return true;
}

}  // namespace skiff
