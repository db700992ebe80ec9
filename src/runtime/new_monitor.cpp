#include "runtime/new_monitor.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "base/strings.h"
#include "runtime/monitor_protocol.h"
#include "sys/process.h"
#include "sys/unix_socket.h"

namespace skiff::runtime {

namespace {

// Ours, and what the C library reads when a program starts: malloc's caches of freed chunks would
// keep pages from being given back, 36 KiB of each monitor.
std::vector<std::string> monitor_environment() {
  std::vector<std::string> out;
  for (char** variable = environ; *variable != nullptr; ++variable) out.emplace_back(*variable);
  out.emplace_back("GLIBC_TUNABLES=glibc.malloc.tcache_count=0");
  return out;
}

}  // namespace

Result<NewMonitor> NewMonitor::begin(const Path& program, std::string name) {
  auto [ours, theirs] = TRY(sys::socket_pair(SOCK_STREAM));
  // Room for the container's id.
  name.resize(kMonitorNameLength, ' ');
  sys::Process starter = TRY(sys::Process::spawn({.args = {"skiff-monitor", std::move(name)},
                                                  .program = program,
                                                  .env = monitor_environment(),
                                                  .working_dir = "/",
                                                  .fds = {{theirs.get(), kParentSocket}},
                                                  .new_session = true}));
  // The program forks the monitor, whose parent is then not this process, and ends.
  (void)TRY(starter.wait());
  return NewMonitor(std::move(ours));
}

Result<NewMonitor> NewMonitor::begin(const Path& program) { return begin(program, ""); }

Result<NewMonitor> NewMonitor::begin_spare(const Path& program) {
  NewMonitor fresh = TRY(begin(program, std::string(kSpareName)));
  sys::FdMessage ready = TRY(sys::receive_message(fresh.socket_.get()));
  if (ready.text.empty()) return Error(Code::kUnavailable, "a spare monitor has ended");
  fresh.network_ = std::move(ready.fd);
  return fresh;
}

bool NewMonitor::waits() const {
  pollfd polled{socket_.get(), POLLIN, 0};
  return ::poll(&polled, 1, 0) == 0;
}

Result<> NewMonitor::begin_creation(const MonitorOptions& options) {
  state_dir_ = options.state_dir;
  return send_line(socket_.get(), to_json(options));
}

void NewMonitor::give_root(const std::optional<ResolvedUser>& user) {
  json::Value told = json::object({{"op", "root"}});
  if (user) told.set("user", to_json(*user));
  [[maybe_unused]] auto sent = send_line(socket_.get(), told);
}

Result<MonitorClient> NewMonitor::created() {
  json::Value answer = TRY(receive_answer(socket_.get()));
  return MonitorClient(state_dir_, static_cast<int>(answer.integer("pid")));
}

void NewMonitor::ask_start() {
  [[maybe_unused]] auto sent = send_line(socket_.get(), json::object({{"op", "start"}}));
}

Result<MonitorWatch> NewMonitor::started() {
  MonitorState now = TRY(monitor_state_from(TRY(receive_answer(socket_.get()))));
  return MonitorWatch(std::move(socket_), std::move(now));
}

Result<> NewMonitor::keep() { return send_line(socket_.get(), json::object({{"op", "keep"}})); }

void NewMonitor::give_up() {
  if (!socket_ || ::shutdown(socket_.get(), SHUT_WR) != 0) return;
  std::array<char, 4096> ignored;
  for (;;) {
    ssize_t n = ::recv(socket_.get(), ignored.data(), ignored.size(), 0);
    if (n == 0 || (n < 0 && errno != EINTR)) break;
  }
  socket_.reset();
}

}  // namespace skiff::runtime
