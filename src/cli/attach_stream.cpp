#include "cli/attach_stream.h"

#include <poll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <csignal>
#include <optional>

#include "base/strings.h"
#include "cli/terminal.h"

namespace skiff::cli {

uint32_t frame_size(std::string_view header) {
  uint32_t size = 0;
  for (size_t i = 4; i < kFrameHeader; ++i)
    size = size << 8U | static_cast<unsigned char>(header[i]);
  return size;
}

namespace {

void send_size(ApiClient& api, const std::string& path) {
  WindowSize size = window_size();
  if (size.height == 0 || path.empty()) return;
  // The process may not run yet or no more; then its size does not matter.
  [[maybe_unused]] auto ignored = api.post(cat(path, "?h=", size.height, "&w=", size.width));
}

UniqueFd watch_window_changes() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGWINCH);
  ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
  return UniqueFd(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
}

}  // namespace

Result<> FrameSplitter::feed(std::string_view bytes) {
  pending_.append(bytes);
  size_t at = 0;
  while (pending_.size() - at >= kFrameHeader) {
    std::string_view rest = std::string_view(pending_).substr(at);
    uint32_t size = frame_size(rest);
    if (rest.size() - kFrameHeader < size) break;
    std::string_view payload = rest.substr(kFrameHeader, size);
    constexpr char kStderr = 2;
    constexpr char kSystemError = 3;
    if (rest[0] == kSystemError) {
      return Error(Code::kUnknown, cat("error from daemon in stream: ", trim(payload)));
    }
    FdSink out(rest[0] == kStderr ? STDERR_FILENO : STDOUT_FILENO);
    TRY(out.write(payload));
    at += kFrameHeader + size;
  }
  pending_.erase(0, at);
  return {};
}

namespace {

// One attached connection while it lasts. The user's input waits in `unsent_` while the daemon
// does not take it, so that output is always read: two full directions would wait for each
// other for ever.
class Carrier {
 public:
  Carrier(Session& session, net::Hijacked connection, AttachStream how)
      : connection_(std::move(connection)), how_(std::move(how)), side_(session.api.another()) {}

  Result<StreamEnd> run() {
    std::optional<RawMode> raw;
    UniqueFd window;
    if (how_.terminal) {
      if (how_.with_stdin) raw.emplace();
      window = watch_window_changes();
      send_size(side_, how_.resize_path);
    }
    if (!connection_.early_bytes.empty()) TRY(show(connection_.early_bytes));
    for (;;) {
      pollfd polled[3] = {{connection_.stream->fd(), POLLIN, 0},
                          {wants_input() ? STDIN_FILENO : -1, POLLIN, 0},
                          {window ? window.get() : -1, POLLIN, 0}};
      if (!unsent_.empty()) polled[0].events |= POLLOUT;
      if (::poll(polled, 3, -1) < 0) {
        if (errno == EINTR) continue;
        return Error::from_errno(errno, "poll");
      }
      if (polled[2].revents != 0) {
        signalfd_siginfo info{};
        if (::read(window.get(), &info, sizeof info) > 0) send_size(side_, how_.resize_path);
      }
      if (polled[1].revents != 0) TRY(take_input());
      if (!unsent_.empty()) send_some();
      if (detached_ && unsent_.empty()) return StreamEnd::kDetached;
      if ((polled[0].revents & ~POLLOUT) == 0) continue;
      size_t n = TRY(connection_.stream->read(buffer_));
      if (n == 0) return StreamEnd::kEnded;
      TRY(show({buffer_, n}));
    }
  }

 private:
  bool wants_input() const { return how_.with_stdin && !input_ended_ && unsent_.empty(); }

  Result<> show(std::string_view bytes) {
    if (how_.terminal) return FdSink(STDOUT_FILENO).write(bytes);
    return splitter_.feed(bytes);
  }

  Result<> take_input() {
    ssize_t n = ::read(STDIN_FILENO, buffer_, sizeof buffer_);
    if (n < 0 && errno == EINTR) return {};
    if (n <= 0) {
      input_ended_ = true;
      // The other side may be gone while its last output is still on the way.
      [[maybe_unused]] auto ignored = connection_.stream->shutdown_write();
      return {};
    }
    std::string_view bytes(buffer_, static_cast<size_t>(n));
    if (!how_.terminal) {
      unsent_.assign(bytes);
      return {};
    }
    unsent_ = how_.detach_keys.feed(bytes);
    detached_ = how_.detach_keys.complete();
    input_ended_ = detached_;
    return {};
  }

  void send_some() {
    ssize_t n = ::send(connection_.stream->fd(), unsent_.data(), unsent_.size(),
                       MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n >= 0) {
      unsent_.erase(0, static_cast<size_t>(n));
    } else if (errno != EAGAIN && errno != EINTR) {
      unsent_.clear();
      input_ended_ = true;
    }
  }

  net::Hijacked connection_;
  AttachStream how_;
  ApiClient side_;
  FrameSplitter splitter_;
  std::string unsent_;
  bool input_ended_ = false;
  bool detached_ = false;
  char buffer_[32768];
};

// What a terminal or a supervisor sends to end, reload or talk to a program.
sigset_t proxied_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (int number : {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGCONT, SIGALRM}) {
    sigaddset(&set, number);
  }
  return set;
}

}  // namespace

Result<StreamEnd> carry_streams(Session& session, net::Hijacked connection, AttachStream how) {
  fflush(stdout);
  return Carrier(session, std::move(connection), std::move(how)).run();
}

SignalProxy::SignalProxy(const ApiClient& api, std::string kill_path) {
  sigset_t set = proxied_signals();
  ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
  signals_ = UniqueFd(::signalfd(-1, &set, SFD_CLOEXEC));
  thread_ = std::thread([this, side = api.another(), path = std::move(kill_path)]() mutable {
    forward(std::move(side), path);
  });
}

SignalProxy::~SignalProxy() {
  stop_.cancel();
  thread_.join();
  sigset_t set = proxied_signals();
  ::pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
}

void SignalProxy::forward(ApiClient api, const std::string& kill_path) const {
  CancelToken stopped = stop_.token();
  pollfd polled[2] = {{signals_.get(), POLLIN, 0}, {stopped.fd(), POLLIN, 0}};
  while (!stopped.cancelled()) {
    if (::poll(polled, 2, -1) < 0 && errno != EINTR) return;
    signalfd_siginfo info{};
    if ((polled[0].revents & POLLIN) == 0) continue;
    if (::read(signals_.get(), &info, sizeof info) != sizeof info) continue;
    // A container that has ended meanwhile takes no signal.
    [[maybe_unused]] auto ignored = api.post(cat(kill_path, "?signal=", info.ssi_signo));
  }
}

}  // namespace skiff::cli
