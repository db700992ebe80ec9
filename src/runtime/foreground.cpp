#include "runtime/foreground.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <csignal>
#include <utility>

#include "base/io.h"
#include "base/strings.h"
#include "sys/process.h"
#include "sys/procfs.h"
#include "sys/unix_socket.h"

namespace skiff::runtime {

namespace {

// How long an output that takes nothing is waited for once the container has ended.
constexpr int kUnreadMs = 10'000;
// More than a terminal holds: what comes after that much is of others, who write to it still.
constexpr size_t kMostRest = 64 << 10;

// As runc and crun: all but those that tell us of ourselves, of our children and our output.
sigset_t passed_signals() {
  sigset_t set;
  ::sigfillset(&set);
  for (int signal : {SIGCHLD, SIGPIPE, SIGURG}) ::sigdelset(&set, signal);
  return set;
}

// Our terminal passes every key on, until the end of the scope.
class RawTerminal {
 public:
  RawTerminal() {
    if (::tcgetattr(STDIN_FILENO, &before_) != 0) return;
    termios raw = before_;
    ::cfmakeraw(&raw);
    raw.c_oflag |= OPOST;  // the container's terminal leaves line ends to this one
    changed_ = ::tcsetattr(STDIN_FILENO, TCSANOW, &raw) == 0;
  }
  RawTerminal(const RawTerminal&) = delete;
  RawTerminal& operator=(const RawTerminal&) = delete;
  ~RawTerminal() {
    if (changed_) ::tcsetattr(STDIN_FILENO, TCSANOW, &before_);
  }

 private:
  termios before_{};
  bool changed_ = false;
};

// Line ends are as the program wrote them, also where our output is no terminal.
void pass_line_ends(int master) {
  termios settings{};
  if (::tcgetattr(master, &settings) != 0) return;
  settings.c_oflag &= ~static_cast<tcflag_t>(ONLCR);
  ::tcsetattr(master, TCSANOW, &settings);
}

void copy_size(int master) {
  winsize size{};
  if (::ioctl(STDIN_FILENO, TIOCGWINSZ, &size) == 0) ::ioctl(master, TIOCSWINSZ, &size);
}

bool is_passing(int error) { return error == EINTR || error == EAGAIN; }

// What has been read and cannot be written yet: it waits here, so that writing never does.
class Waiting {
 public:
  static constexpr size_t kMostTaken = 16384;

  bool empty() const { return bytes_.empty(); }
  size_t size() const { return bytes_.size(); }

  // False at the end of `from`. Only when nothing waits.
  bool take(int from) {
    std::array<char, kMostTaken> buffer;
    ssize_t n = ::read(from, buffer.data(), buffer.size());
    if (n < 0) return is_passing(errno);
    bytes_.assign(buffer.data(), static_cast<size_t>(n));
    return n > 0;
  }

  // False when `to` is gone. One that poll() calls writable takes as much without a wait.
  bool give(int to) {
    ssize_t n = ::write(to, bytes_.data(), std::min<size_t>(bytes_.size(), PIPE_BUF));
    if (n < 0 && is_passing(errno)) return true;
    bytes_.erase(0, n < 0 ? std::string::npos : static_cast<size_t>(n));
    return n >= 0;
  }

 private:
  std::string bytes_;
};

// Our standard output. A terminal takes what poll() says only as a descriptor that does not wait,
// which the one we share with others is not to become.
class Output {
 public:
  void open() {
    if (::isatty(STDOUT_FILENO) == 0) return;
    const auto proc = sys::ProcFs::ours();
    auto opened = proc ? (*proc)->open_link("self/fd/1", O_WRONLY | O_NONBLOCK | O_NOCTTY)
                       : Result<UniqueFd>(proc.error());
    if (opened) own_ = std::move(*opened);
  }
  int fd() const { return own_ ? own_.get() : STDOUT_FILENO; }

  // A pipe takes more when it is made longer: once, by what the rest of a terminal needs at most,
  // in pages that may be half full.
  bool widen() {
    if (std::exchange(widened_, true)) return false;
    const int size = ::fcntl(fd(), F_GETPIPE_SZ);
    return size > 0 && ::fcntl(fd(), F_SETPIPE_SZ, size + int{2 * kMostRest}) > size;
  }

 private:
  UniqueFd own_;
  bool widened_ = false;
};

class Foreground {
 public:
  Foreground(const sys::Child& child, UniqueFd master)
      : child_(child), master_(std::move(master)) {}

  Result<int> run() {
    sigset_t set = passed_signals();
    signals_.reset(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
    if (!signals_) return Error::from_errno(errno, "signalfd");
    std::optional<RawTerminal> raw;
    if (master_) {
      raw.emplace();
      output_.open();
      copy_size(master_.get());
      ::fcntl(master_.get(), F_SETFL, O_RDWR | O_NONBLOCK);
      ::signal(SIGPIPE, SIG_IGN);  // who reads our output may go before the container
    }
    while (!TRY(step())) continue;
    for (size_t rest = kMostRest; pass_rest(rest);) continue;
    int status = 0;
    while (::waitpid(child_.pid, &status, 0) < 0) {
      if (errno != EINTR) return Error::from_errno(errno, "wait for the container");
    }
    return sys::exit_code_of(status);
  }

 private:
  // True when the child has ended.
  Result<bool> step() {
    const bool gives = !typed_.empty();
    const bool takes = master_ && input_ && !gives;
    const bool shows = !shown_.empty();
    const auto wanted = static_cast<short>((gives ? POLLOUT : 0) | (shows ? 0 : POLLIN));
    std::array<pollfd, 5> polled = {pollfd{child_.pidfd.get(), POLLIN, 0},
                                    pollfd{signals_.get(), POLLIN, 0},
                                    pollfd{wanted != 0 ? master_.get() : -1, wanted, 0},
                                    pollfd{takes ? STDIN_FILENO : -1, POLLIN, 0},
                                    pollfd{shows ? output_.fd() : -1, POLLOUT, 0}};
    if (::poll(polled.data(), polled.size(), -1) < 0) {
      if (errno == EINTR) return false;
      return Error::from_errno(errno, "poll");
    }
    if (polled[1].revents != 0) pass_signal();
    if (polled[3].revents != 0) input_ = typed_.take(STDIN_FILENO);
    if (gives && polled[2].revents != 0) input_ = typed_.give(master_.get()) && input_;
    // The terminal has no more, or nobody wants it.
    if (!shows && (polled[2].revents & ~POLLOUT) != 0 && !shown_.take(master_.get())) {
      master_.reset();
    }
    if (polled[4].revents != 0 && !shown_.give(output_.fd())) master_.reset();
    return polled[0].revents != 0;
  }

  // 0 when there is none.
  int next_signal() const {
    signalfd_siginfo info{};
    if (::read(signals_.get(), &info, sizeof info) != sizeof info) return 0;
    return static_cast<int>(info.ssi_signo);
  }

  void pass_signal() {
    const int signal = next_signal();
    if (signal == 0) return;
    if (signal == SIGWINCH && master_) return copy_size(master_.get());
    ::kill(child_.pid, signal);
  }

  // What waits, and what the terminal still holds, when the process has ended: at most `rest`
  // bytes, which it counts. False when that is all, or nobody takes it.
  bool pass_rest(size_t& rest) {
    if (shown_.empty()) {
      pollfd more{master_.get(), POLLIN, 0};
      const bool has_more = ::poll(&more, 1, 0) > 0 && (more.revents & POLLIN) != 0;
      if (rest < Waiting::kMostTaken || !has_more || !shown_.take(master_.get())) return false;
      rest -= shown_.size();
      return true;
    }
    std::array<pollfd, 2> polled = {pollfd{output_.fd(), POLLOUT, 0},
                                    pollfd{signals_.get(), POLLIN, 0}};
    if (::poll(polled.data(), 1, 0) == 0) {
      if (output_.widen()) return true;
      // Nobody is left whom a signal could be for but us.
      if (::poll(polled.data(), polled.size(), kUnreadMs) <= 0) return false;
      if (polled[0].revents == 0) return next_signal() == SIGWINCH;
    }
    return shown_.give(output_.fd());
  }

  const sys::Child& child_;
  UniqueFd master_;
  UniqueFd signals_;
  Output output_;
  Waiting typed_;  // on our input, for the terminal
  Waiting shown_;  // on the terminal, for our output
  bool input_ = true;
};

}  // namespace

bool wants_terminal(const OciConfig& config) { return config.process && config.process->terminal; }

Result<Console> Console::open(bool terminal, const std::string& socket_path, bool detached) {
  Console console;
  if (!terminal) {
    if (socket_path.empty()) return console;
    return Error(Code::kInvalidArgument,
                 "a console socket was given, but the process has no terminal");
  }
  if (!socket_path.empty()) {
    console.theirs_ = TRY_CONTEXT(sys::connect_unix(socket_path), "console socket");
    return console;
  }
  if (detached) {
    return Error(Code::kInvalidArgument,
                 "cannot allocate a terminal for a detached process without a console socket");
  }
  auto [ours, theirs] = TRY(sys::socket_pair(SOCK_STREAM));
  console.ours_ = std::move(ours);
  console.theirs_ = std::move(theirs);
  return console;
}

Result<UniqueFd> Console::take_master() {
  if (!ours_) return UniqueFd();
  UniqueFd master = TRY(sys::receive_fd(ours_.get()));
  pass_line_ends(master.get());
  return master;
}

Result<int> attend(const sys::Child& child, UniqueFd master) {
  return Foreground(child, std::move(master)).run();
}

void hold_signals() {
  sigset_t set = passed_signals();
  ::sigprocmask(SIG_BLOCK, &set, nullptr);
}

namespace {

Result<> write_pid_file(const std::string& file, int pid) {
  if (file.empty()) return {};
  // Readers wait for the file to appear: it appears whole.
  std::string fresh = file + ".new";
  {
    UniqueFd fd = TRY(open_file(fresh, O_WRONLY | O_CREAT | O_TRUNC, 0644));
    FdSink sink(fd.get());
    TRY_CONTEXT(sink.write(cat(pid)), fresh);
  }
  if (::rename(fresh.c_str(), file.c_str()) != 0) {
    return Error::from_errno(errno, cat("rename ", fresh));
  }
  return {};
}

Result<> send_pidfd(const std::string& path, int pidfd) {
  if (path.empty()) return {};
  UniqueFd socket = TRY(sys::connect_unix(path));
  return sys::send_fd(socket.get(), pidfd, "pidfd");
}

}  // namespace

Result<> announce(const CommandArguments& arguments, int pid, int pidfd) {
  TRY_CONTEXT(send_pidfd(arguments.value("pidfd-socket"), pidfd), "pidfd socket");
  return write_pid_file(arguments.value("pid-file"), pid);
}

}  // namespace skiff::runtime
