#include "images/linked_cancel.h"

#include <poll.h>

namespace skiff::images {

LinkedCancel::LinkedCancel(const CancelToken& outer) {
  if (outer.fd() < 0) return;
  watcher_ = std::thread([this, outer, done = done_.token()] {
    pollfd either[2] = {{.fd = outer.fd(), .events = POLLIN, .revents = 0},
                        {.fd = done.fd(), .events = POLLIN, .revents = 0}};
    while (!outer.cancelled() && !done.cancelled()) ::poll(either, 2, -1);
    if (outer.cancelled()) own_.cancel();
  });
}

LinkedCancel::~LinkedCancel() {
  done_.cancel();
  if (watcher_.joinable()) watcher_.join();
}

}  // namespace skiff::images
