#include "runtime/monitor.h"

#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <optional>

#include "base/heap.h"
#include "base/strings.h"
#include "runtime/bundle_runner.h"
#include "runtime/monitor_protocol.h"
#include "runtime/monitor_server.h"
#include "runtime/monitor_signals.h"
#include "runtime/namespace_plan.h"
#include "runtime/own_program.h"
#include "runtime/warm_up.h"
#include "sys/unix_socket.h"

namespace skiff::runtime {

namespace {

int g_child_event = -1;
pid_t g_monitor = 0;

void on_child(int) {
  const int saved = errno;
  // Not in a process that was cloned from this one and still has its handlers.
  if (::getpid() == g_monitor) ::eventfd_write(g_child_event, 1);
  errno = saved;
}

Result<> watch_children() {
  UniqueFd event(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!event) return Error::from_errno(errno, "make an eventfd");
  g_child_event = event.release();
  g_monitor = ::getpid();
  struct sigaction action{};
  action.sa_flags = SA_RESTART | SA_NOCLDSTOP;
  action.sa_handler = on_child;
  ::sigaction(SIGCHLD, &action, nullptr);
  return {};
}

void reap(ContainerMonitor& monitor) {
  eventfd_t ignored = 0;
  ::eventfd_read(g_child_event, &ignored);
  int status = 0;
  for (pid_t pid = 0; (pid = ::waitpid(-1, &status, WNOHANG)) > 0;) {
    monitor.child_ended(pid, status);
  }
}

// In the list of processes: room was left for it.
void show_container(char* argument, const std::string& id) {
  const size_t length = std::strlen(argument);
  std::string shown = id;
  shown.resize(length, ' ');
  std::copy_n(shown.begin(), length, argument);
}

// While nobody waits for it. Without one the container gets its own in the usual way.
Result<UniqueFd> offer_network(int parent) {
  Result<UniqueFd> made = make_spare_network();
  if (!made) {
    TRY(send_line(parent, json::object()));
    return UniqueFd();
  }
  TRY(sys::send_fd(parent, made->get(), "{}\n"));
  return made;
}

Result<> run_monitor(UniqueFd parent, char* name) {
  UniqueFd network;
  if (std::string_view(name).starts_with(kSpareName)) {
    warm_up();
    network = TRY(offer_network(parent.get()));
  }
  json::Value asked = TRY(receive_line(parent.get()));
  EventLoop loop;
  TRY(loop.open());
  outlive_signals();
  TRY(watch_children());
  MonitorOptions options = monitor_options_from(asked);
  show_container(name, options.container_id);
  ContainerMonitor monitor(loop, std::move(options), std::move(network));
  // An error, too, of one who has given up or died.
  std::optional<Result<json::Value>> root;
  const auto await_root = [&]() -> Result<json::Value> {
    if (!root) root = receive_line(parent.get());
    return *root;
  };
  if (Result<> created = monitor.create(await_root); !created) {
    [[maybe_unused]] auto removed = monitor.remove();
    // Who is told is to have asked.
    TRY(await_root());
    return send_line(parent.get(), error_answer(created.error()));
  }
  TRY(loop.add(g_child_event, EPOLLIN, [&](uint32_t) { reap(monitor); }));
  TRY(monitor.answer_creator(std::move(parent)));
  loop.run();
  return {};
}

}  // namespace

int monitor_main(std::span<char* const> arguments) {
  Result<> shielded = run_from_readonly_mount("skiff-monitor", arguments);
  if (!shielded) {
    std::fprintf(stderr, "skiff-monitor: %s\n", shielded.error().message().c_str());
    return 1;
  }
  // What spawn() set is not for the programs that this one runs.
  ::unsetenv("GLIBC_TUNABLES");
  ::prctl(PR_SET_NAME, "skiff-monitor");
  keep_heap();
  UniqueFd parent(kParentSocket);
  if (::fcntl(parent.get(), F_SETFD, FD_CLOEXEC) != 0 || arguments.empty()) {
    std::fputs("skiff-monitor is started by the daemon\n", stderr);
    return 2;
  }
  if (std::string_view(arguments[0]) == kRunBundle) {
    return run_bundle_child(std::move(parent));
  }
  // Away from the caller, which may end before the container does and must not have to reap.
  if (pid_t child = ::fork(); child != 0) return child < 0 ? 1 : 0;
  ::prctl(PR_SET_CHILD_SUBREAPER, 1);
  return run_monitor(std::move(parent), arguments[0]) ? 0 : 1;
}

}  // namespace skiff::runtime
