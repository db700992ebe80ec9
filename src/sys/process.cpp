#include "sys/process.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>

#include "base/scope_exit.h"
#include "base/strings.h"

namespace skiff::sys {

namespace {

std::vector<char*> pointers_to(const std::vector<std::string>& strings) {
  std::vector<char*> pointers;
  for (const std::string& s : strings) pointers.push_back(const_cast<char*>(s.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

// posix_spawn's two option objects, filled from ProcessOptions.
class SpawnSetup {
 public:
  SpawnSetup() {
    ::posix_spawn_file_actions_init(&actions_);
    ::posix_spawnattr_init(&attributes_);
  }
  SpawnSetup(const SpawnSetup&) = delete;
  SpawnSetup& operator=(const SpawnSetup&) = delete;
  ~SpawnSetup() {
    ::posix_spawn_file_actions_destroy(&actions_);
    ::posix_spawnattr_destroy(&attributes_);
  }

  Result<> set_fds(const std::vector<std::pair<int, int>>& fds) {
    int first_free = 3;
    for (const auto& [ours, theirs] : fds) first_free = std::max(first_free, theirs + 1);
    std::array<bool, 3> given{};
    for (const auto& [ours, theirs] : fds) {
      // Copied above every target first, so that no dup2 overwrites a source still needed.
      UniqueFd copy(::fcntl(ours, F_DUPFD_CLOEXEC, first_free));
      if (!copy) return Error::from_errno(errno, cat("duplicate descriptor ", ours));
      ::posix_spawn_file_actions_adddup2(&actions_, copy.get(), theirs);
      copies_.push_back(std::move(copy));
      if (theirs < 3) given.at(static_cast<size_t>(theirs)) = true;
    }
    for (int fd = 0; fd < 3; ++fd) {
      if (given.at(static_cast<size_t>(fd))) continue;
      ::posix_spawn_file_actions_addopen(&actions_, fd, "/dev/null", fd == 0 ? O_RDONLY : O_WRONLY,
                                         0);
    }
    close_unmapped(fds, first_free);
    return {};
  }

  void set_rest(const ProcessOptions& options) {
    if (!options.working_dir.empty()) {
      ::posix_spawn_file_actions_addchdir_np(&actions_, options.working_dir.c_str());
    }
    sigset_t none;
    ::sigemptyset(&none);
    sigset_t all;
    ::sigfillset(&all);
    ::posix_spawnattr_setsigmask(&attributes_, &none);
    ::posix_spawnattr_setsigdefault(&attributes_, &all);
    int flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF;
    if (options.new_session) flags |= POSIX_SPAWN_SETSID;
    ::posix_spawnattr_setflags(&attributes_, static_cast<short>(flags));
  }

  const posix_spawn_file_actions_t* actions() const { return &actions_; }
  const posix_spawnattr_t* attributes() const { return &attributes_; }

 private:
  void close_unmapped(const std::vector<std::pair<int, int>>& fds, int first_free) {
    for (int fd = 3; fd < first_free; ++fd) {
      bool mapped = false;
      for (const auto& [ours, theirs] : fds) mapped = mapped || theirs == fd;
      if (!mapped) ::posix_spawn_file_actions_addclose(&actions_, fd);
    }
    ::posix_spawn_file_actions_addclosefrom_np(&actions_, first_free);
  }

  posix_spawn_file_actions_t actions_{};
  posix_spawnattr_t attributes_{};
  std::vector<UniqueFd> copies_;
};

Result<> poll_for(std::vector<pollfd>& polled) {
  while (::poll(polled.data(), polled.size(), -1) < 0) {
    if (errno != EINTR) return Error::from_errno(errno, "poll");
  }
  return {};
}

// Reads what is there; closes `fd` at its end.
Result<> drain(UniqueFd& fd, std::string& into, size_t limit) {
  std::array<char, 16384> buffer;
  ssize_t n = ::read(fd.get(), buffer.data(), buffer.size());
  if (n < 0) {
    if (errno == EINTR || errno == EAGAIN) return {};
    return Error::from_errno(errno, "read the output");
  }
  if (n == 0) fd.reset();
  into.append(buffer.data(), static_cast<size_t>(n));
  if (into.size() > limit) {
    return Error(Code::kResourceExhausted, cat("output is larger than ", limit, " bytes"));
  }
  return {};
}

// Writes what fits; closes `fd` when all is written or nobody reads.
Result<> feed(UniqueFd& fd, std::string_view& input) {
  ssize_t n = ::send(fd.get(), input.data(), input.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  if (n < 0 && (errno == EINTR || errno == EAGAIN)) return {};
  if (n < 0 && errno != EPIPE && errno != ECONNRESET) {
    return Error::from_errno(errno, "write the input");
  }
  input.remove_prefix(n < 0 ? input.size() : static_cast<size_t>(n));
  if (input.empty()) fd.reset();
  return {};
}

}  // namespace

int exit_code_of(int wait_status) {
  return WIFSIGNALED(wait_status) ? 128 + WTERMSIG(wait_status) : WEXITSTATUS(wait_status);
}

void raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

Result<Pipe> make_pipe(int flags) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), flags | O_CLOEXEC) != 0) return Error::from_errno(errno, "pipe");
  return Pipe{UniqueFd(ends[0]), UniqueFd(ends[1])};
}

Result<Process> Process::spawn(const ProcessOptions& options) {
  if (options.args.empty()) return Error(Code::kInvalidArgument, "start a program: no name given");
  SpawnSetup setup;
  TRY_CONTEXT(setup.set_fds(options.fds), cat("start ", options.args[0]));
  setup.set_rest(options);
  std::vector<char*> args = pointers_to(options.args);
  std::vector<char*> env;
  if (options.env) env = pointers_to(*options.env);
  pid_t pid = 0;
  const std::string& program = options.program.empty() ? options.args[0] : options.program.native();
  int err = ::posix_spawnp(&pid, program.c_str(), setup.actions(), setup.attributes(), args.data(),
                           options.env ? env.data() : environ);
  if (err != 0) return Error::from_errno(err, cat("start ", program));
  // Not reaped yet, so the number cannot have another owner.
  UniqueFd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  Process process(pid, std::move(pidfd));
  if (process.pidfd() < 0) return Error::from_errno(errno, cat("pidfd of ", options.args[0]));
  return process;
}

Process& Process::operator=(Process&& other) noexcept {
  std::swap(pid_, other.pid_);
  std::swap(pidfd_, other.pidfd_);
  return *this;
}

Process::~Process() {
  if (pid_ == 0) return;
  ::kill(pid_, SIGKILL);
  while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) continue;
}

Result<> Process::kill(int signal_number) {
  if (pid_ == 0 || ::kill(pid_, signal_number) != 0) {
    return Error::from_errno(pid_ == 0 ? ESRCH : errno, cat("kill process ", pid_));
  }
  return {};
}

Result<int> Process::wait(const CancelToken& cancel) {
  if (pid_ == 0) return Error(Code::kFailedPrecondition, "wait for a process: there is none");
  if (cancel.fd() >= 0) {
    std::vector<pollfd> polled = {{pidfd(), POLLIN, 0}, {cancel.fd(), POLLIN, 0}};
    TRY(poll_for(polled));
    if (polled[0].revents == 0) ::kill(pid_, SIGKILL);
  }
  int status = 0;
  while (::waitpid(pid_, &status, 0) < 0) {
    if (errno != EINTR) return Error::from_errno(errno, cat("wait for process ", pid_));
  }
  pid_ = 0;
  if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) TRY(cancel.check());
  return exit_code_of(status);
}

Result<Captured> run_captured(ProcessOptions options, std::string_view input,
                              const CancelToken& cancel, size_t limit) {
  Pipe out = TRY(make_pipe());
  Pipe err = TRY(make_pipe());
  // A socket, so that a reader that has gone is an error code and not a SIGPIPE.
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) {
    return Error::from_errno(errno, "socketpair");
  }
  UniqueFd feeder(ends[0]);
  UniqueFd in(ends[1]);
  options.fds.insert(options.fds.end(),
                     {{in.get(), 0}, {out.write.get(), 1}, {err.write.get(), 2}});
  Process process = TRY(Process::spawn(options));
  in.reset();
  out.write.reset();
  err.write.reset();
  if (input.empty()) feeder.reset();
  Captured captured;
  while (out.read || err.read) {
    std::vector<pollfd> polled = {{out.read.get(), POLLIN, 0},
                                  {err.read.get(), POLLIN, 0},
                                  {feeder.get(), POLLOUT, 0},
                                  {cancel.fd(), POLLIN, 0}};
    TRY(poll_for(polled));
    TRY(cancel.check());
    if (polled[0].revents != 0) TRY(drain(out.read, captured.out, limit));
    if (polled[1].revents != 0) TRY(drain(err.read, captured.err, limit));
    if (polled[2].revents != 0) TRY(feed(feeder, input));
  }
  captured.code = TRY(process.wait(cancel));
  return captured;
}

}  // namespace skiff::sys
