#include "net/stream.h"

#include <pthread.h>
#include <signal.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <algorithm>
#include <cerrno>

#include "base/strings.h"
#include "net/paced_writer.h"

namespace skiff::net {

namespace {

// A peer that takes little is noticed at the end of a step.
constexpr uint64_t kSendfileStep = uint64_t{1} << 21U;

// Keeps SIGPIPE from this thread while it sends a file: sendfile(2) knows no MSG_NOSIGNAL. Ignoring
// the signal for the whole process would pass on to every program it starts.
class NoSigpipe {
 public:
  NoSigpipe() {
    ::sigemptyset(&pipe_);
    ::sigaddset(&pipe_, SIGPIPE);
    ::pthread_sigmask(SIG_BLOCK, &pipe_, &before_);
  }
  NoSigpipe(const NoSigpipe&) = delete;
  NoSigpipe& operator=(const NoSigpipe&) = delete;
  ~NoSigpipe() {
    if (::sigismember(&before_, SIGPIPE) == 1) return;
    const timespec now{};
    while (raised_ && ::sigtimedwait(&pipe_, nullptr, &now) > 0) {
    }
    ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }

  ssize_t send(int socket, int file, off_t& position, uint64_t size) {
    const ssize_t n = ::sendfile(socket, file, &position, size);
    raised_ = raised_ || (n < 0 && errno == EPIPE);
    return n;
  }

 private:
  bool raised_ = false;
  sigset_t pipe_{};
  sigset_t before_{};
};

class PlainStream : public Stream {
 public:
  explicit PlainStream(UniqueFd socket) : socket_(std::move(socket)) {}

  Result<size_t> read(std::span<char> buffer) override {
    for (;;) {
      ssize_t n = ::recv(socket_.get(), buffer.data(), buffer.size(), 0);
      if (n >= 0) return static_cast<size_t>(n);
      if (errno == EINTR) continue;
      if (errno == EAGAIN) return Error(Code::kDeadlineExceeded, "read from connection: timed out");
      return Error::from_errno(errno, "read from connection");
    }
  }

  Result<> write(std::string_view bytes) override { return write(bytes, 0); }
  Result<> write_more(std::string_view bytes) override { return write(bytes, MSG_MORE); }

  Result<std::optional<size_t>> read_now(std::span<char> buffer) override {
    for (;;) {
      const ssize_t n = ::recv(socket_.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
      if (n >= 0) return std::optional(static_cast<size_t>(n));
      if (errno == EAGAIN) return std::optional<size_t>();
      if (errno != EINTR) return Error::from_errno(errno, "read from connection");
    }
  }

  Result<size_t> write_now(std::string_view bytes) override {
    for (;;) {
      const ssize_t n =
          ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
      if (n >= 0) return static_cast<size_t>(n);
      if (errno == EAGAIN) return size_t{0};
      if (errno != EINTR) return Error::from_errno(errno, "write to connection");
    }
  }

  int fd() const override { return socket_.get(); }
  bool is_plain() const override { return true; }

  Result<> shutdown_write() override {
    if (::shutdown(socket_.get(), SHUT_WR) == 0 || errno == ENOTCONN) return {};
    return Error::from_errno(errno, "shut down connection");
  }

  Result<> send_file(int file, uint64_t offset, uint64_t size) override {
    NoSigpipe guard;
    auto position = static_cast<off_t>(offset);
    while (size > 0) {
      const size_t n = TRY(writer_.attempt(socket_.get(), "send file", [&] {
        return guard.send(socket_.get(), file, position, std::min(size, kSendfileStep));
      }));
      if (n == 0) return Error(Code::kDataLoss, cat("send file: it ends ", size, " bytes early"));
      size -= n;
    }
    return {};
  }

  void set_read_timeout(std::chrono::milliseconds timeout) override {
    if (timeout == read_timeout_) return;  // saves a system call a request
    read_timeout_ = timeout;
    set_timeout(SO_RCVTIMEO, timeout);
  }

  void set_write_limit(PaceLimit limit) override {
    writer_ = PacedWriter(limit);
    set_timeout(SO_SNDTIMEO, writer_.patience());
  }

 private:
  Result<> write(std::string_view bytes, int flags) {
    while (!bytes.empty()) {
      const size_t n = TRY(writer_.attempt(socket_.get(), "write to connection", [&] {
        return ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | flags);
      }));
      bytes.remove_prefix(n);
    }
    return {};
  }

  void set_timeout(int option, std::chrono::milliseconds timeout) const {
    timeval value{.tv_sec = timeout.count() / 1000, .tv_usec = timeout.count() % 1000 * 1000};
    ::setsockopt(socket_.get(), SOL_SOCKET, option, &value, sizeof value);
  }

  UniqueFd socket_;
  std::chrono::milliseconds read_timeout_{0};
  PacedWriter writer_;
};

}  // namespace

std::unique_ptr<Stream> make_plain_stream(UniqueFd socket) {
  return std::make_unique<PlainStream>(std::move(socket));
}

}  // namespace skiff::net
