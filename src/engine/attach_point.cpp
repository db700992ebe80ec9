#include "engine/attach_point.h"

#include <poll.h>
#include <sys/eventfd.h>

namespace skiff::engine {

AttachPoint::AttachPoint(bool wants_stdin)
    : wants_stdin_(wants_stdin), wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

void AttachPoint::give(UniqueFd stream) {
  std::lock_guard lock(mutex_);
  if (done_) return;
  done_ = true;
  stream_ = std::move(stream);
  (void)::eventfd_write(wake_.get(), 1);
}

void AttachPoint::close() { give(UniqueFd()); }

Result<UniqueFd> AttachPoint::wait(const CancelToken& cancel, int client_fd) {
  for (;;) {
    {
      std::lock_guard lock(mutex_);
      if (done_) return std::move(stream_);
    }
    TRY(cancel.check());
    // Bytes that the client sends early stay in its socket; only its leaving matters here.
    pollfd fds[] = {{wake_.get(), POLLIN, 0}, {cancel.fd(), POLLIN, 0}, {client_fd, 0, 0}};
    ::poll(fds, 3, -1);
    if ((fds[2].revents & (POLLHUP | POLLERR)) != 0) {
      return Error(Code::kCancelled, "the client has gone");
    }
  }
}

}  // namespace skiff::engine
