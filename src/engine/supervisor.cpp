#include "engine/supervisor.h"

#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "base/log.h"
#include "base/strings.h"
#include "engine/health.h"
#include "engine/orphan.h"
#include "engine/process_life.h"

namespace skiff::engine {

namespace {

using std::chrono::milliseconds;
constexpr milliseconds kFirstBackoff{100};
constexpr milliseconds kLongestBackoff{60'000};
// A run of this length was a success: the next failure starts from the first delay.
constexpr std::chrono::seconds kSteadyRun{10};

Result<> add_to_epoll(int epoll, int fd) {
  epoll_event event{};
  event.events = EPOLLIN | EPOLLRDHUP;
  event.data.fd = fd;
  if (::epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0) return {};
  return Error::from_errno(errno, "watch container");
}

// How the container ended; where its monitor was killed, it is ended now.
runtime::ExitStatus exit_status_of(Core& core, const Container& container, const Monitor& monitor) {
  auto status = monitor->wait();
  if (status) return *status;
  log_warn(cat("container ", container.id, ": monitor lost: ", status.error().message()));
  end_orphan(core.cgroup_of(container.info()));
  auto recorded = runtime::read_exit_file(container.paths.exit_file());
  if (recorded) return *recorded;
  constexpr int kKilled = 137;
  return {.code = kKilled, .finished = core.clock.now()};
}

}  // namespace

bool should_restart(const Record& record, bool at_boot) {
  const RestartPolicy& policy = record.info.host_config.restart_policy;
  if (policy.name == "always") return at_boot || !record.manually_stopped;
  if (record.manually_stopped) return false;
  if (policy.name == "unless-stopped") return true;
  return policy.name == "on-failure" && record.info.state.exit_code != 0 &&
         (policy.maximum_retry_count == 0 ||
          record.info.restart_count < policy.maximum_retry_count);
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
      if (watched != nullptr) core_.tasks.run([this, watched] { on_end(*watched); });
    }
  }
}

std::shared_ptr<Supervisor::Watched> Supervisor::take(int fd) {
  std::lock_guard lock(mutex_);
  auto node = watched_.extract(fd);
  if (node.empty()) return nullptr;
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
  return std::make_shared<Watched>(std::move(node.mapped()));
}

Result<> Supervisor::start(const std::shared_ptr<Container>& container) {
  ++container->starts;
  TRY(start_process(core_, *container));
  watch(container);
  return {};
}

void Supervisor::watch(const std::shared_ptr<Container>& container) {
  Monitor monitor = container->monitor();
  if (Result<> added = add_watch(container, monitor); !added) {
    // A monitor that does not answer is as good as dead.
    log_warn(cat("container ", container->id, ": ", added.error().message()));
    core_.tasks.run([this, container, monitor] { on_end({UniqueFd(), container, monitor}); });
    return;
  }
  if (has_health_check(container->info())) {
    core_.tasks.run([this, container, monitor] { run_health_checks(core_, container, monitor); });
  }
}

Result<> Supervisor::add_watch(const std::shared_ptr<Container>& container,
                               const Monitor& monitor) {
  UniqueFd fd = TRY(monitor->watch());
  int number = fd.get();
  std::lock_guard lock(mutex_);
  TRY(add_to_epoll(epoll_.get(), number));
  watched_.insert_or_assign(number, Watched{std::move(fd), container, monitor});
  return {};
}

void Supervisor::on_end(const Watched& watched) {
  const auto& container = watched.container;
  {
    std::lock_guard operation(container->operation);
    if (container->monitor() != watched.monitor) return;
    record_exit(container, exit_status_of(core_, *container, watched.monitor));
  }
  after_exit(container);
}

void Supervisor::record_exit(const std::shared_ptr<Container>& container,
                             const runtime::ExitStatus& status) {
  free_process(core_, *container);
  // One change: a stop that comes now must find either a process or a restart to stop.
  auto ran = container->change([&](Record& record) {
    State& state = record.info.state;
    state.pid = 0;
    state.exit_code = status.code;
    state.oom_killed = status.oom_killed;
    state.finished = status.finished;
    if (status.by_hand) record.manually_stopped = true;
    bool restart = !core_.stopping && should_restart(record, false);
    state.status = restart ? Status::kRestarting : Status::kExited;
    return state.finished - state.started;
  });
  bool steady = ran > kSteadyRun || container->backoff.count() == 0;
  container->backoff = steady ? kFirstBackoff : std::min(container->backoff * 2, kLongestBackoff);
  core_.save_or_log(*container);
  if (status.oom_killed) core_.publish(*container, "oom");
  auto seconds = std::chrono::duration_cast<std::chrono::seconds>(ran).count();
  core_.publish(*container, "die",
                {{"exitCode", std::to_string(status.code)},
                 {"execDuration", std::to_string(std::max<int64_t>(seconds, 0))}});
  container->notify_exit();
}

void Supervisor::after_exit(const std::shared_ptr<Container>& container) {
  ContainerInfo info = container->info();
  if (info.state.status == Status::kRestarting) {
    restart_later(container);
  } else if (info.host_config.auto_remove && info.state.status == Status::kExited &&
             !core_.stopping && !container->keep_after_exit) {
    remove_(container);
  }
}

void Supervisor::restart_later(const std::shared_ptr<Container>& container) {
  uint64_t seen = 0;
  milliseconds delay{0};
  {
    std::lock_guard operation(container->operation);
    seen = container->starts;
    delay = container->backoff;
  }
  pollfd shutdown{core_.shutdown.token().fd(), POLLIN, 0};
  if (::poll(&shutdown, 1, static_cast<int>(delay.count())) > 0) return;
  std::lock_guard operation(container->operation);
  bool still_due = container->starts == seen && container->change([](Record& record) {
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
