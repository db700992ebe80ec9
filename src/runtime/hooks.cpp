#include "runtime/hooks.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstring>

#include "base/io.h"
#include "base/strings.h"
#include "runtime/diagnostics.h"
#include "runtime/process_birth.h"
#include "runtime/process_setup.h"
#include "sys/namespaces.h"
#include "sys/process.h"

namespace skiff::runtime {

namespace {

constexpr size_t kTextLimit = 4096;  // of what a failing hook said

// All of the state is in the pipe before the hook starts, so that one that does not read it
// stops nobody.
Result<UniqueFd> state_file(const std::string& state) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK) != 0) return Error::from_errno(errno, "pipe");
  UniqueFd read(ends[0]);
  UniqueFd write(ends[1]);
  ::fcntl(write.get(), F_SETPIPE_SZ, static_cast<int>(state.size()));
  FdSink sink(write.get());
  TRY_CONTEXT(sink.write(state), "pass the state to the hook");
  ::fcntl(read.get(), F_SETFL, 0);
  return read;
}

int run_child(const OciHook& hook, int in, int out) {
  reset_signals();
  if (::dup2(in, 0) < 0 || ::dup2(out, 1) < 0 || ::dup2(out, 2) < 0) return 126;
  ::close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
  std::vector<std::string> names = hook.args.empty() ? std::vector{hook.path} : hook.args;
  std::vector<char*> args = pointers_to(names);
  std::vector<char*> env = pointers_to(hook.env.value_or(std::vector<std::string>{}));
  ::execve(hook.path.c_str(), args.data(), hook.env ? env.data() : ::environ);
  std::string text = Error::from_errno(errno, "exec").message();
  [[maybe_unused]] ssize_t n = ::write(2, text.data(), text.size());
  return 127;
}

// For poll(2): what is left of a time, or none where there is none.
class TimeLeft {
 public:
  explicit TimeLeft(int seconds) : limited_(seconds > 0) { end_ += std::chrono::seconds(seconds); }
  int milliseconds() const {
    if (!limited_) return -1;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(end_ - Steady::now()).count();
    return static_cast<int>(std::clamp<int64_t>(left, 0, INT32_MAX));
  }

 private:
  using Steady = std::chrono::steady_clock;
  bool limited_;
  Steady::time_point end_ = Steady::now();
};

// Its output until it ends; false when the time ran out.
Result<bool> watch(int pidfd, int output, const TimeLeft& time, std::string& said) {
  std::array<char, 1024> buffer;
  for (;;) {
    std::array<pollfd, 2> polled = {pollfd{pidfd, POLLIN, 0}, pollfd{output, POLLIN, 0}};
    int ready = ::poll(polled.data(), polled.size(), time.milliseconds());
    if (ready < 0 && errno != EINTR) return Error::from_errno(errno, "poll");
    const bool ended = ready > 0 && polled[0].revents != 0;
    // Also of one that never stops talking. What ended did so in time, however late that is seen.
    const bool late = time.milliseconds() == 0;
    if (late && !ended) return false;
    if (ready > 0 && (polled[1].revents & POLLIN) != 0) {
      ssize_t n = ::read(output, buffer.data(), buffer.size());
      if (n > 0 && said.size() < kTextLimit) said.append(buffer.data(), static_cast<size_t>(n));
      if (n > 0 && !late) continue;
    }
    if (ended) return true;
  }
}

// In Go's words, for those who look for them.
std::string end_of(int status) {
  if (!WIFSIGNALED(status)) return cat("exit status ", sys::exit_code_of(status));
  return cat("signal: ", to_lower(::strsignal(WTERMSIG(status))));
}

Result<> run_hook(const OciHook& hook, const std::string& state) {
  UniqueFd in = TRY(state_file(state));
  sys::Pipe out = TRY(sys::make_pipe());
  sys::Child child =
      TRY(sys::clone_process({}, [&] { return run_child(hook, in.get(), out.write.get()); }));
  out.write.reset();
  std::string said;
  Result<bool> ended =
      watch(child.pidfd.get(), out.read.get(), TimeLeft(hook.timeout_seconds), said);
  if (!ended || !*ended) ::kill(child.pid, SIGKILL);
  int status = 0;
  while (::waitpid(child.pid, &status, 0) < 0 && errno == EINTR) continue;
  if (!TRY(std::move(ended))) {
    return Error(Code::kDeadlineExceeded,
                 cat("hook ran past specified timeout of ", hook.timeout_seconds, "s"));
  }
  if (status == 0) return {};
  const std::string_view text = trim(said);
  return Error(Code::kUnknown, cat(end_of(status), text.empty() ? "" : ": ", text));
}

std::string name_of(const std::vector<OciHook>& hooks, std::string_view kind, size_t index) {
  return cat("error running ", kind, " hook #", index, ": ", hooks[index].path);
}

}  // namespace

Result<> run_hooks(const std::vector<OciHook>& hooks, std::string_view kind,
                   const std::string& state) {
  for (size_t i = 0; i < hooks.size(); ++i) {
    debug(cat("running ", kind, " hook #", i, ": ", hooks[i].path));
    TRY_CONTEXT(run_hook(hooks[i], state), name_of(hooks, kind, i));
  }
  return {};
}

void run_all_hooks(const std::vector<OciHook>& hooks, std::string_view kind,
                   const std::string& state) {
  for (size_t i = 0; i < hooks.size(); ++i) {
    Result<> done = run_hook(hooks[i], state).context(name_of(hooks, kind, i));
    if (!done) warn(done.error().message());
  }
}

}  // namespace skiff::runtime
