#include "engine/health.h"

#include <poll.h>
#include <sys/syscall.h>

#include <array>
#include <csignal>

#include "base/log.h"
#include "base/random.h"
#include "base/scope_exit.h"
#include "base/strings.h"
#include "engine/spec.h"
#include "engine/stream_pump.h"
#include "sys/namespaces.h"

namespace skiff::engine {

namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::steady_clock;

constexpr size_t kMostLogged = 5;
constexpr size_t kLongestOutput = 4096;
constexpr int kTimedOut = -1;

nanoseconds or_default(int64_t nanos, nanoseconds fallback) {
  return nanos > 0 ? nanoseconds(nanos) : fallback;
}

std::vector<std::string> probe_command(const oci::RunConfig& config) {
  const std::vector<std::string>& test = config.healthcheck->test;
  if (test[0] != "CMD-SHELL") return {test.begin() + 1, test.end()};
  std::vector<std::string> command =
      config.shell.value_or(std::vector<std::string>{"/bin/sh", "-c"});
  command.insert(command.end(), test.begin() + 1, test.end());
  return command;
}

void kill_process(int pid) {
  auto pidfd = sys::open_pidfd(pid);
  if (pidfd) ::syscall(SYS_pidfd_send_signal, pidfd->get(), SIGKILL, nullptr, 0);
}

class HealthLoop {
 public:
  HealthLoop(Core& core, std::shared_ptr<Container> container, Monitor monitor)
      : core_(core),
        container_(std::move(container)),
        monitor_(std::move(monitor)),
        info_(container_->info()),
        check_(*info_.config.run.healthcheck),
        ended_(container_->add_waiter(WaitCondition::kNextExit)) {}
  ~HealthLoop() { container_->forget_waiter(ended_); }
  HealthLoop(const HealthLoop&) = delete;
  HealthLoop& operator=(const HealthLoop&) = delete;

  void run() {
    container_->change([](Record& record) { record.info.state.health = Health(); });
    while (container_->monitor() == monitor_ && wait_until_next()) {
      if (container_->state().status != Status::kRunning) continue;
      HealthProbe result = probe();
      if (container_->monitor() != monitor_ || over_) return;
      note(result);
    }
  }

 private:
  bool in_start_period() const {
    return core_.clock.now() - info_.state.started < nanoseconds(check_.start_period_ns);
  }

  // False when the container has ended, or the engine goes.
  bool wait_until_next() {
    constexpr std::chrono::seconds kInterval{30};
    constexpr std::chrono::seconds kStartInterval{5};
    auto health = container_->state().health;
    bool starting = health && health->status == "starting" && in_start_period();
    nanoseconds interval = starting ? or_default(check_.start_interval_ns, kStartInterval)
                                    : or_default(check_.interval_ns, kInterval);
    return !wait(-1, steady_clock::now() + interval) && !over_;
  }

  // Until `fd` is readable (true) or the deadline; notes when the run is over.
  bool wait(int fd, steady_clock::time_point deadline) {
    CancelToken shutdown = core_.shutdown.token();
    std::array<pollfd, 3> fds{
        {{fd, POLLIN, 0}, {ended_->fd(), POLLIN, 0}, {shutdown.fd(), POLLIN, 0}}};
    for (;;) {
      auto left = std::chrono::ceil<milliseconds>(deadline - steady_clock::now()).count();
      if (left <= 0) return false;
      ::poll(fds.data(), fds.size(), static_cast<int>(std::min<int64_t>(left, 60'000)));
      over_ = fds[1].revents != 0 || fds[2].revents != 0;
      if (fds[0].revents != 0) return true;
      if (over_) return false;
    }
  }

  HealthProbe probe() {
    HealthProbe result;
    result.start = core_.clock.now();
    auto ran = run_command(result);
    if (!ran) {
      result.exit_code = kTimedOut;
      result.output = ran.error().message();
    }
    result.end = core_.clock.now();
    return result;
  }

  Result<> run_command(HealthProbe& result) {
    constexpr std::chrono::seconds kTimeout{30};
    nanoseconds timeout = or_default(check_.timeout_ns, kTimeout);
    auto deadline = steady_clock::now() + timeout;
    std::string id = random_hex(64);
    auto session = TRY(monitor_->exec(id, TRY(make_spec())));
    result.output = read_output(session.stream.get(), deadline);
    bool late = steady_clock::now() >= deadline;
    if (late) kill_process(session.pid);
    result.exit_code = TRY(monitor_->wait_exec(id, core_.shutdown.token()));
    if (!late) return {};
    auto seconds = std::chrono::duration_cast<milliseconds>(timeout).count();
    return Error(Code::kDeadlineExceeded,
                 cat("Health check exceeded timeout (", seconds, "ms): ", result.output));
  }

  Result<runtime::ExecSpec> make_spec() const {
    const oci::RunConfig& config = info_.config.run;
    runtime::ExecSpec spec;
    spec.args = probe_command(config);
    spec.user = config.user;
    auto user = TRY(runtime::resolve_user(container_->paths.rootfs(), config.user));
    spec.env = process_environment(info_, config.env, user.home, false);
    spec.working_dir = config.working_dir.empty() ? "/" : config.working_dir;
    return spec;
  }

  // Until the end of output or the deadline; of a long output the beginning.
  std::string read_output(int stream, steady_clock::time_point deadline) {
    std::string buffer(kLongestOutput, '\0');
    FrameReader frames;
    std::string output;
    while (wait(stream, deadline)) {
      ssize_t count = ::read(stream, buffer.data(), buffer.size());
      if (count <= 0) break;
      output += frames.payload(std::string_view(buffer).substr(0, static_cast<size_t>(count)));
      output.resize(std::min(output.size(), kLongestOutput));
    }
    return output;
  }

  void note(const HealthProbe& result) {
    constexpr int64_t kRetries = 3;
    int64_t retries = check_.retries > 0 ? check_.retries : kRetries;
    bool lenient = in_start_period();
    std::string status;
    container_->change([&](Record& record) {
      auto& health = record.info.state.health;
      if (health && note_probe(*health, result, retries, lenient)) status = health->status;
    });
    if (!status.empty()) core_.publish(*container_, cat("health_status: ", status));
  }

  Core& core_;
  std::shared_ptr<Container> container_;
  Monitor monitor_;
  const ContainerInfo info_;
  const oci::Healthcheck& check_;
  std::shared_ptr<WaitSlot> ended_;
  bool over_ = false;
};

}  // namespace

bool has_health_check(const ContainerInfo& info) {
  const auto& check = info.config.run.healthcheck;
  return check && check->test.size() > 1 && check->test[0] != "NONE";
}

void run_health_checks(Core& core, const std::shared_ptr<Container>& container,
                       const Monitor& monitor) {
  HealthLoop(core, container, monitor).run();
}

bool note_probe(Health& health, const HealthProbe& probe, int64_t retries, bool in_start_period) {
  std::string before = health.status;
  health.log.push_back(probe);
  if (health.log.size() > kMostLogged) health.log.erase(health.log.begin());
  if (probe.exit_code == 0) {
    health.status = "healthy";
    health.failing_streak = 0;
  } else if (health.status != "starting" || !in_start_period) {
    ++health.failing_streak;
    if (health.failing_streak >= retries) health.status = "unhealthy";
  }
  return health.status != before;
}

}  // namespace skiff::engine
