// Waiting for one of two things that may happen.
#pragma once

#include <poll.h>

#include "base/cancellation.h"

namespace skiff::buildkit {

// Until either is cancelled.
inline void wait_for(const CancelToken& a, const CancelToken& b) {
  pollfd waits[] = {{a.fd(), POLLIN, 0}, {b.fd(), POLLIN, 0}};
  while (::poll(waits, 2, -1) < 0) {
  }
}

}  // namespace skiff::buildkit
