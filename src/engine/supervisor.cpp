#include "engine/supervisor.h"

#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "base/log.h"
#include "base/strings.h"
#include "engine/health.h"
#include "engine/orphan.h"
#include "engine/process_life.h"

namespace skiff::engine {

namespace {

using Stage = runtime::MonitorState::Stage;

// How long a container whose monitor was lost waits for its next one.
constexpr int kLostMonitorMs = 1000;

Result<> add_to_epoll(int epoll, int fd) {
  epoll_event event{};
  event.events = EPOLLIN | EPOLLRDHUP;
  event.data.fd = fd;
  if (::epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0) return {};
  return Error::from_errno(errno, "watch container");
}

}  // namespace

bool starts_at_boot(const Record& record) {
  const HostConfig& host = record.info.host_config;
  if (host.restart_policy.name == "always") return true;
  return runtime::wants_restart(policy_of(host), record.info.state.exit_code,
                                record.manually_stopped, record.info.restart_count);
}

Supervisor::Supervisor(Core& core, std::function<void(const std::shared_ptr<Container>&)> remove)
    : core_(core), remove_(std::move(remove)) {}

Supervisor::~Supervisor() { close(); }

Result<> Supervisor::open() {
  epoll_ = UniqueFd(::epoll_create1(EPOLL_CLOEXEC));
  wake_ = UniqueFd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!epoll_ || !wake_) return Error::from_errno(errno, "watch containers");
  TRY(add_to_epoll(epoll_.get(), wake_.get()));
  thread_ = std::thread([this] { loop(); });
  return {};
}

void Supervisor::close() {
  if (!thread_.joinable()) return;
  (void)::eventfd_write(wake_.get(), 1);
  thread_.join();
  std::lock_guard lock(mutex_);
  watched_.clear();
}

void Supervisor::loop() {
  for (;;) {
    std::array<epoll_event, 16> events{};
    int count = ::epoll_wait(epoll_.get(), events.data(), events.size(), -1);
    for (int i = 0; i < count; ++i) {
      int fd = events[static_cast<size_t>(i)].data.fd;
      if (fd == wake_.get()) return;
      auto watched = take(fd);
      if (watched != nullptr) core_.tasks.run([this, watched] { follow(watched); });
    }
  }
}

std::shared_ptr<Supervisor::Watched> Supervisor::take(int fd) {
  std::lock_guard lock(mutex_);
  auto node = watched_.extract(fd);
  if (node.empty()) return nullptr;
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
  return std::move(node.mapped());
}

void Supervisor::add(const std::shared_ptr<Watched>& watched) {
  const int fd = watched->watch.fd();
  std::lock_guard lock(mutex_);
  watched_.insert_or_assign(fd, watched);
  Result<> added = add_to_epoll(epoll_.get(), fd);
  if (added) return;
  watched_.erase(fd);
  log_error(cat("container ", watched->container->id, ": ", added.error().message()));
}

Result<> Supervisor::start(const std::shared_ptr<Container>& container) {
  watch(container, TRY(start_process(core_, *container)));
  core_.monitors.refill();
  return {};
}

void Supervisor::watch(const std::shared_ptr<Container>& container) {
  Monitor monitor = container->monitor();
  if (auto begun = monitor->watch()) return watch(container, std::move(*begun));
  core_.tasks.run([this, container, monitor] { follow_anew(container, monitor); });
}

void Supervisor::watch(const std::shared_ptr<Container>& container, runtime::MonitorWatch watch) {
  note_health(core_, *container);
  auto watched =
      std::make_shared<Watched>(Watched{container, container->monitor(), std::move(watch)});
  const runtime::MonitorState& now = watched->watch.now();
  // A run may have been so short that it is over.
  if (now.stage == Stage::kRunning && now.restart_count == container->info().restart_count) {
    add(watched);
  } else {
    core_.tasks.run([this, watched] {
      if (apply(*watched, watched->watch.now())) follow(watched);
    });
  }
}

void Supervisor::follow(const std::shared_ptr<Watched>& watched) {
  for (const runtime::MonitorState& state : watched->watch.read()) {
    if (!apply(*watched, state)) return;
  }
  if (watched->watch.over()) {
    follow_anew(watched->container, watched->monitor);
  } else {
    add(watched);
  }
}

bool Supervisor::apply(const Watched& watched, const runtime::MonitorState& state) {
  {
    const auto operation = watched.container->operate();
    if (watched.container->monitor() != watched.monitor) return false;
    if (state.stage != Stage::kEnded) {
      note_state(*watched.container, state);
      return true;
    }
    if (state.exit) {
      record_exit(*watched.container, *state.exit);
    } else {
      record_lost(*watched.container);
    }
  }
  after_exit(watched.container);
  return false;
}

void Supervisor::follow_anew(const std::shared_ptr<Container>& container, const Monitor& monitor) {
  {
    const auto operation = container->operate();
    if (container->monitor() != monitor) return;
    // It lets go of one that is slow to read, and of all at its container's end.
    auto watch = monitor->watch();
    if (watch) {
      auto watched = std::make_shared<Watched>(Watched{container, monitor, std::move(*watch)});
      core_.tasks.run([this, watched] {
        if (apply(*watched, watched->watch.now())) follow(watched);
      });
      return;
    }
    record_lost(*container);
  }
  after_exit(container);
}

void Supervisor::note_state(Container& container, const runtime::MonitorState& state) {
  Record record = container.record();
  const State& known = record.info.state;
  if (state.exit && state.exit->finished != known.finished) {
    note_end(container, *state.exit, Status::kRestarting);
  }
  bool waits = container.state().status == Status::kRestarting;
  if (state.stage == Stage::kRunning &&
      (waits || state.restart_count != record.info.restart_count)) {
    note_start(container, state);
  }
  if (state.stage != Stage::kRunning) return;
  note_oom(container, state.oom_kills);
  note_health(core_, container);
}

// The memory of the whole container was at its end, and one of its processes had to go.
void Supervisor::note_oom(Container& container, uint64_t kills) {
  if (kills <= container.oom_kills_told) return;
  const bool known = container.change(
      [](Record& record) { return std::exchange(record.info.state.oom_killed, true); });
  // An earlier daemon may have told.
  const bool told = known && container.oom_kills_told == 0;
  container.oom_kills_told = kills;
  if (!known) core_.save_or_log(container);
  if (!told) core_.publish(container, "oom");
}

void Supervisor::note_start(Container& container, const runtime::MonitorState& state) {
  container.change([&](Record& record) {
    State& known = record.info.state;
    known.status = Status::kRunning;
    known.pid = state.pid;
    known.started = state.started;
    known.oom_killed = false;
    known.health.reset();
    record.info.restart_count = state.restart_count;
  });
  core_.save_or_log(container);
  core_.publish(container, "start", {}, state.started);
}

void Supervisor::record_exit(Container& container, const runtime::ExitStatus& status, Status next) {
  note_health(core_, container);
  // What else ends with the process stands in a file that stays.
  if (container.state().health) core_.save_or_log(container);
  free_process(core_, container);
  note_end(container, status, next);
}

void Supervisor::record_lost(Container& container) {
  const runtime::ExitStatus status = end_lost(core_, container);
  const Record record = container.record();
  bool restart =
      !core_.stopping && runtime::wants_restart(policy_of(record.info.host_config), status.code,
                                                record.manually_stopped, status.restart_count);
  record_exit(container, status, restart ? Status::kRestarting : Status::kExited);
}

void Supervisor::note_end(Container& container, const runtime::ExitStatus& status, Status next) {
  bool told = false;
  bool oom_told = false;
  auto ran = container.change([&](Record& record) {
    State& state = record.info.state;
    oom_told = std::exchange(state.oom_killed, status.oom_killed);
    told = state.status == Status::kRestarting && state.finished == status.finished;
    state.status = next;
    state.pid = 0;
    state.exit_code = status.code;
    state.finished = status.finished;
    if (!status.restart_error.empty()) {
      state.error = status.restart_error;
      state.exit_code = start_exit_code(Error(Code::kUnknown, status.restart_error));
    }
    if (status.by_hand) record.manually_stopped = true;
    record.info.restart_count = status.restart_count;
    return state.finished - state.started;
  });
  container.oom_kills_told = 0;
  core_.save_or_log(container);
  if (!told) {
    if (status.oom_killed && !oom_told) core_.publish(container, "oom", {}, status.finished);
    auto seconds = std::chrono::duration_cast<std::chrono::seconds>(ran).count();
    core_.publish(container, "die",
                  {{"exitCode", std::to_string(status.code)},
                   {"execDuration", std::to_string(std::max<int64_t>(seconds, 0))}},
                  status.finished);
  }
  container.notify_exit();
}

void Supervisor::after_exit(const std::shared_ptr<Container>& container) {
  ContainerInfo info = container->info();
  if (info.state.status == Status::kRestarting) {
    start_later(container);
  } else if (info.host_config.auto_remove && info.state.status == Status::kExited &&
             !core_.stopping && !container->keep_after_exit) {
    remove_(container);
  }
}

void Supervisor::start_later(const std::shared_ptr<Container>& container) {
  pollfd shutdown{core_.shutdown.token().fd(), POLLIN, 0};
  if (::poll(&shutdown, 1, kLostMonitorMs) > 0) return;
  const auto operation = container->operate();
  bool still_due = container->monitor() == nullptr && container->change([](Record& record) {
    if (record.info.state.status != Status::kRestarting) return false;
    ++record.info.restart_count;
    return true;
  });
  if (!still_due) return;
  if (Result<> started = start(container); !started) {
    log_error(cat("container ", container->id, ": restart: ", started.error().message()));
    container->notify_exit();
  }
}

}  // namespace skiff::engine
