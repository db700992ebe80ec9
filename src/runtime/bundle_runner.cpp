#include "runtime/bundle_runner.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>

#include <array>
#include <cerrno>

#include "base/scope_exit.h"
#include "runtime/container.h"
#include "runtime/monitor_protocol.h"
#include "runtime/monitor_signals.h"
#include "sys/process.h"

namespace skiff::runtime {

namespace {

// Our own copies of the output's end would keep the caller waiting for it.
void leave_output() {
  UniqueFd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
  ::dup2(null.get(), STDOUT_FILENO);
  ::dup2(null.get(), STDERR_FILENO);
}

// Until the init has ended or the caller has gone.
Result<> await_end(int parent, int pidfd) {
  std::array<pollfd, 2> fds{{{pidfd, POLLIN, 0}, {parent, POLLIN, 0}}};
  while (::poll(fds.data(), fds.size(), -1) < 0) {
    if (errno != EINTR) return Error::from_errno(errno, "wait for the container");
  }
  if (fds[0].revents != 0) return {};
  return Error(Code::kCancelled, "the caller has gone");
}

Result<int> wait_for_child(int pid) {
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0) {
    if (errno != EINTR) return Error::from_errno(errno, "wait for the container");
  }
  return sys::exit_code_of(status);
}

Result<json::Value> run_bundle(int parent) {
  json::Value asked = TRY(receive_line(parent));
  Bundle bundle = TRY(read_bundle(asked.string("bundle")));
  Container container = TRY(Container::create(
      {.id = asked.string("container_id"), .state_root = asked.string("state_dir")},
      std::move(bundle)));
  leave_output();
  ScopeExit undo([&] { [[maybe_unused]] auto removed = container.remove(true); });
  TRY(send_line(parent, json::object({{"pid", container.pid()}})));
  (void)TRY(receive_line(parent));  // the caller has wired the network
  TRY(container.start());
  TRY(await_end(parent, container.pidfd()));
  int code = TRY(wait_for_child(container.pid()));
  undo.dismiss();
  TRY(container.remove(true));
  return json::object({{"code", code}});
}

}  // namespace

int run_bundle_child(UniqueFd parent) {
  outlive_signals();
  Result<json::Value> ran = run_bundle(parent.get());
  return send_line(parent.get(), ran ? *ran : error_answer(ran.error())) ? 0 : 1;
}

}  // namespace skiff::runtime
