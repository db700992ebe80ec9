#include "upstream/time_limit.h"

#include <poll.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>

namespace skiff::upstream {

TimeLimit::TimeLimit(const CancelToken& parent, std::chrono::milliseconds limit) : parent_(parent) {
  const auto end = std::chrono::steady_clock::now() + limit;
  try {
    watch_ = std::thread([this, end] { watch(end); });
  } catch (const std::system_error&) {  // NOLINT(bugprone-empty-catch): without a limit, then.
  }
}

void TimeLimit::watch(std::chrono::steady_clock::time_point end) {
  std::array<pollfd, 2> items{pollfd{.fd = done_.token().fd(), .events = POLLIN, .revents = 0},
                              pollfd{.fd = parent_.fd(), .events = POLLIN, .revents = 0}};
  int ready = -1;
  do {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(end - std::chrono::steady_clock::now());
    ready = ::poll(items.data(), items.size(), std::max(0, static_cast<int>(left.count())));
  } while (ready < 0 && errno == EINTR);
  if ((items[0].revents & POLLIN) != 0) return;
  over_ = ready == 0;
  limited_.cancel();
}

TimeLimit::~TimeLimit() {
  done_.cancel();
  if (watch_.joinable()) watch_.join();
}

}  // namespace skiff::upstream
