#include "runtime/monitor_input.h"

#include <unistd.h>

#include <cerrno>

#include "base/memory.h"

namespace skiff::runtime {

Result<> ProcessInput::open(UniqueFd fd) {
  TRY(loop_.add(fd.get(), 0, [this](uint32_t) { flush(); }));
  // A pipe whose reader has gone tells so without end; it is asked only while bytes wait.
  loop_.suspend(fd.get());
  fd_ = std::move(fd);
  return {};
}

void ProcessInput::write(std::string_view bytes) {
  if (!fd_ || ending_) return;
  pending_.append(bytes);
  flush();
}

void ProcessInput::end() {
  ending_ = true;
  if (pending_.empty()) close();
}

void ProcessInput::close() {
  if (fd_) loop_.remove(fd_.get());
  fd_.reset();
  free_memory_of(pending_);
}

void ProcessInput::flush() {
  const bool had_space = has_space();
  size_t done = 0;
  while (done < pending_.size()) {
    ssize_t n = ::write(fd_.get(), pending_.data() + done, pending_.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == EAGAIN) break;
    if (n < 0) {
      close();
      break;
    }
    done += static_cast<size_t>(n);
  }
  if (!pending_.empty()) pending_.erase(0, done);
  if (pending_.empty()) {
    free_memory_of(pending_);
    if (fd_) loop_.suspend(fd_.get());
    if (ending_) close();
  } else {
    loop_.change(fd_.get(), EPOLLOUT);
  }
  if (!had_space && has_space()) on_space_();
}

}  // namespace skiff::runtime
