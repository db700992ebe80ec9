#include "runtime/diagnostics.h"

#include <limits.h>
#include <poll.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string>

#include "base/strings.h"

namespace skiff::runtime {

namespace {

// How long a reader is waited for that takes nothing; the next time not at all.
constexpr int kPatienceMs = 1000;

void to_standard_error(std::string_view text) {
  tell(STDERR_FILENO, cat("skiff-runtime: warning: ", text, "\n"));
}

// What poll() calls writable another process may have filled meanwhile.
ssize_t write_now(int fd, std::string_view piece) {
  const iovec part{const_cast<char*>(piece.data()), piece.size()};
  const ssize_t n = ::pwritev2(fd, &part, 1, -1, RWF_NOWAIT);
  // Terminals, and pipes before Linux 6.4, do not know that.
  return n < 0 && errno == EOPNOTSUPP ? ::write(fd, piece.data(), piece.size()) : n;
}

struct Sinks {
  TextSink warnings = to_standard_error;
  TextSink steps;
};

Sinks& sinks() {
  static Sinks current;
  return current;
}

}  // namespace

void tell(int fd, std::string_view text) {
  static int patience = kPatienceMs;
  while (!text.empty()) {
    pollfd ready{fd, POLLOUT, 0};
    if (::poll(&ready, 1, patience) == 0) patience = 0;
    if ((ready.revents & (POLLOUT | POLLERR)) == 0) return;
    const ssize_t n = write_now(fd, text.substr(0, std::min<size_t>(text.size(), PIPE_BUF)));
    if (n < 0 && errno != EINTR && errno != EAGAIN) return;
    text.remove_prefix(static_cast<size_t>(std::max(n, ssize_t{0})));
  }
}

void set_warning_sink(TextSink sink) { sinks().warnings = std::move(sink); }

void warn(std::string_view text) { sinks().warnings(text); }

void set_debug_sink(TextSink sink) { sinks().steps = std::move(sink); }

bool debugging() { return static_cast<bool>(sinks().steps); }

void debug(std::string_view text) {
  if (debugging()) sinks().steps(text);
}

}  // namespace skiff::runtime
