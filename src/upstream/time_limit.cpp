#include "upstream/time_limit.h"

#include <poll.h>

#include <algorithm>
#include <array>
#include <cerrno>

namespace skiff::upstream {

TimeLimit::TimeLimit(const CancelToken& parent, std::chrono::milliseconds limit) {
  const auto end = std::chrono::steady_clock::now() + limit;
  watch_ = std::thread([this, parent, end] {
    std::array<pollfd, 2> items{pollfd{.fd = done_.token().fd(), .events = POLLIN, .revents = 0},
                                pollfd{.fd = parent.fd(), .events = POLLIN, .revents = 0}};
    int ready = -1;
    do {
      const auto left =
          std::chrono::ceil<std::chrono::milliseconds>(end - std::chrono::steady_clock::now());
      ready = ::poll(items.data(), items.size(), std::max(0, static_cast<int>(left.count())));
    } while (ready < 0 && errno == EINTR);
    if ((items[0].revents & POLLIN) != 0) return;
    over_ = ready == 0;
    limited_.cancel();
  });
}

TimeLimit::~TimeLimit() {
  done_.cancel();
  watch_.join();
}

}  // namespace skiff::upstream
