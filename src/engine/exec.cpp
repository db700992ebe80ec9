#include "engine/exec.h"

#include <poll.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <array>

#include "base/log.h"
#include "base/random.h"
#include "base/strings.h"
#include "engine/detach_keys.h"
#include "engine/exec_record.h"
#include "engine/process_life.h"
#include "engine/spec.h"
#include "engine/stopping.h"
#include "engine/stream_pump.h"

namespace skiff::engine {

namespace {

constexpr std::chrono::minutes kKept{5};
constexpr int kKilled = 137;

Result<> check_running(const Container& container) {
  TRY(check_has_process(container));
  if (container.state().status == Status::kPaused) {
    return Error(Code::kFailedPrecondition,
                 cat("container ", container.id, " is paused, unpause the container before exec"));
  }
  return {};
}

// The container's variables, with those of the session in their place.
std::vector<std::string> with_own_env(const std::vector<std::string>& container,
                                      const std::vector<std::string>& own) {
  std::vector<std::string> out;
  for (const std::string& entry : container) {
    std::string name = entry.substr(0, entry.find('=') + 1);
    bool replaced = std::any_of(own.begin(), own.end(),
                                [&](const std::string& mine) { return mine.starts_with(name); });
    if (!replaced) out.push_back(entry);
  }
  out.insert(out.end(), own.begin(), own.end());
  return out;
}

class ExecStreamSession : public StreamSession {
 public:
  ExecStreamSession(Core& core, std::shared_ptr<Exec> exec)
      : core_(core), exec_(std::move(exec)), config_(exec_->info().config) {}

  bool terminal() const override { return config_.tty; }

  Result<> run(net::Stream& client, std::string early_bytes, const CancelToken& cancel) override {
    PumpOptions pump;
    pump.terminal = config_.tty;
    pump.want_stdin = config_.attach_stdin;
    pump.want_stdout = config_.attach_stdout;
    pump.want_stderr = config_.attach_stderr;
    if (config_.tty) pump.detach_keys = TRY(parse_detach_keys(config_.detach_keys));
    UniqueFd stream = TRY(Exec::start(core_, exec_, true));
    CancelToken shutdown = core_.shutdown.token();
    PumpEnd end = PumpEnd::kOutputEnded;
    if (stream) end = pump_streams(client, early_bytes, stream.get(), pump, cancel, shutdown);
    stream.reset();
    // The client asks for the exit code as soon as its stream ends.
    if (end == PumpEnd::kOutputEnded) (void)exec_->wait(cancel, shutdown, client.fd());
    if (end == PumpEnd::kDetached) {
      core_.publish(*exec_->container, "exec_detach", {{"execID", exec_->id}});
    }
    end_client(client);
    return {};
  }

 private:
  Core& core_;
  std::shared_ptr<Exec> exec_;
  ExecConfig config_;
};

}  // namespace

Exec::Exec(std::shared_ptr<Container> of, ExecConfig config)
    : id(random_hex(64)),
      container(std::move(of)),
      ended_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  info_.id = id;
  info_.container_id = container->id;
  info_.config = std::move(config);
}

Exec::Exec(std::shared_ptr<Container> of, const runtime::ExecReport& found)
    : id(found.id),
      container(std::move(of)),
      ended_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      claimed_(true) {
  info_.id = id;
  info_.container_id = container->id;
  info_.config = exec_config_from(found.record);
  info_.exit_code = found.code;
  finished_ = found.finished;
}

ExecInfo Exec::info() const {
  std::lock_guard lock(mutex_);
  return info_;
}

std::optional<TimePoint> Exec::finished() const {
  std::lock_guard lock(mutex_);
  if (finished_ == TimePoint()) return std::nullopt;
  return finished_;
}

Result<> Exec::claim(const ExecStart& options) {
  TRY(check_running(*container));
  std::lock_guard lock(mutex_);
  if (claimed_) {
    return Error(Code::kFailedPrecondition,
                 info_.running ? cat("Error: Exec command ", id, " is already running")
                               : cat("Error: Exec command ", id, " has already run"));
  }
  claimed_ = true;
  if (options.console_height > 0 && options.console_width > 0) {
    info_.config.console_height = options.console_height;
    info_.config.console_width = options.console_width;
  }
  return {};
}

Result<runtime::ExecSpec> Exec::make_spec(bool attach) const {
  ContainerInfo of = container->info();
  ExecConfig config = info().config;
  runtime::ExecSpec spec;
  spec.args = config.command;
  spec.user = config.user.empty() ? of.config.run.user : config.user;
  auto user = TRY(runtime::resolve_user(container->paths.rootfs(), spec.user));
  spec.env =
      process_environment(of, with_own_env(of.config.run.env, config.env), user.home, config.tty);
  spec.working_dir = config.working_dir.empty() ? of.config.run.working_dir : config.working_dir;
  if (spec.working_dir.empty()) spec.working_dir = "/";
  spec.terminal = config.tty;
  spec.attach_stdin = attach && config.attach_stdin;
  spec.attach_stdout = attach && config.attach_stdout;
  spec.attach_stderr = attach && config.attach_stderr;
  spec.privileged = config.privileged;
  spec.console_height = config.console_height;
  spec.console_width = config.console_width;
  spec.record = exec_record(config);
  return spec;
}

Result<UniqueFd> Exec::start(Core& core, const std::shared_ptr<Exec>& exec, bool attach) {
  std::string command = join(exec->info().config.command, " ");
  core.publish(*exec->container, cat("exec_start: ", command), {{"execID", exec->id}});
  auto session = [&]() -> Result<runtime::ExecSession> {
    Monitor monitor = exec->container->monitor();
    if (monitor == nullptr) return not_running(*exec->container);
    return monitor->exec(exec->id, TRY(exec->make_spec(attach)));
  }();
  if (!session) {
    // Docker's: what is not found has 127, everything else 126.
    constexpr int kNotFound = 127;
    constexpr int kCannotRun = 126;
    const bool missing = start_exit_code(session.error()) == kNotFound;
    exec->set_ended(core, missing ? kNotFound : kCannotRun, core.clock.now());
    return std::move(session.error()).with_context("OCI runtime exec failed");
  }
  exec->set_started(session->pid);
  follow(core, exec);
  return std::move(session->stream);
}

void Exec::follow(Core& core, const std::shared_ptr<Exec>& exec) {
  core.tasks.run([&core, exec, monitor = exec->container->monitor()] {
    auto code =
        monitor ? monitor->wait_exec(exec->id, core.shutdown.token()) : Result<int>(kKilled);
    if (!code && code.error().code() == Code::kCancelled) return;
    exec->set_ended(core, code.value_or(kKilled), core.clock.now());
  });
}

void Exec::take_over(Core& core, const std::shared_ptr<Exec>& exec,
                     const runtime::ExecReport& found) {
  if (!found.code) {
    exec->set_started(found.pid);
    follow(core, exec);
  } else if (!found.told) {
    // The monitor learns that somebody knows.
    (void)exec->container->monitor()->wait_exec(exec->id, core.shutdown.token());
    exec->set_ended(core, *found.code, found.finished);
  }
}

void Exec::set_started(int pid) {
  bool resize_now = false;
  ExecConfig config;
  {
    std::lock_guard lock(mutex_);
    info_.running = true;
    info_.pid = pid;
    resize_now = resized_;
    config = info_.config;
  }
  container->add_exec(id);
  if (!resize_now) return;
  Result<> resized = resize(config.console_height, config.console_width);
  if (!resized) log_info(resized.error().message());
}

void Exec::set_ended(Core& core, int exit_code, TimePoint finished) {
  container->remove_exec(id);
  {
    std::lock_guard lock(mutex_);
    info_.running = false;
    info_.exit_code = exit_code;
    info_.pid = 0;
    finished_ = finished;
  }
  core.publish(*container, "exec_die", {{"execID", id}, {"exitCode", std::to_string(exit_code)}},
               finished);
  // Who waits finds it told.
  (void)::eventfd_write(ended_.get(), 1);
}

Result<> Exec::wait(const CancelToken& cancel, const CancelToken& shutdown, int client) const {
  std::array<pollfd, 4> fds{{{ended_.get(), POLLIN, 0},
                             {cancel.fd(), POLLIN, 0},
                             {shutdown.fd(), POLLIN, 0},
                             {client, 0, 0}}};
  while (::poll(fds.data(), fds.size(), -1) < 0 && errno == EINTR) {
  }
  if (fds[0].revents != 0) return {};
  return Error(Code::kCancelled, "nobody waits for the exec session");
}

Result<> Exec::resize(int height, int width) {
  bool running = false;
  {
    std::lock_guard lock(mutex_);
    running = info_.running;
    if (!running) {
      if (!claimed_ || finished_ != TimePoint()) {
        return Error(Code::kFailedPrecondition, cat("exec command ", id, " is not running"));
      }
      // It is just being started.
      info_.config.console_height = height;
      info_.config.console_width = width;
      resized_ = true;
      return {};
    }
  }
  Monitor monitor = container->monitor();
  if (monitor == nullptr) return not_running(*container);
  return monitor->resize_exec(id, height, width);
}

Result<std::string> ExecTable::create(const std::shared_ptr<Container>& container,
                                      const ExecConfig& config) {
  TRY(check_running(*container));
  TRY(parse_detach_keys(config.detach_keys));
  auto exec = std::make_shared<Exec>(container, config);
  {
    std::lock_guard lock(mutex_);
    forget_old();
    by_id_[exec->id] = exec;
  }
  core_.publish(*container, cat("exec_create: ", join(config.command, " ")),
                {{"execID", exec->id}});
  return exec->id;
}

void ExecTable::adopt(const std::shared_ptr<Container>& container) {
  const auto found = container->monitor()->execs(core_.clock.now() - kKept);
  if (!found) {
    log_warn(cat("container ", container->id, ": exec sessions: ", found.error().message()));
    return;
  }
  for (const runtime::ExecReport& report : *found) {
    auto exec = std::make_shared<Exec>(container, report);
    {
      std::lock_guard lock(mutex_);
      by_id_[exec->id] = exec;
    }
    Exec::take_over(core_, exec, report);
  }
}

// Those that ended a while ago, and those whose container is gone or stopped.
void ExecTable::forget_old() {
  TimePoint now = core_.clock.now();
  std::erase_if(by_id_, [&](const auto& entry) {
    const Exec& exec = *entry.second;
    if (!core_.table.knows(exec.container->id)) return true;
    auto finished = exec.finished();
    if (finished) return now - *finished > kKept;
    return exec.container->monitor() == nullptr && !exec.info().running;
  });
}

Result<std::shared_ptr<Exec>> ExecTable::find(const std::string& id) const {
  std::lock_guard lock(mutex_);
  auto found = by_id_.find(id);
  // It goes with its container.
  if (found != by_id_.end() && core_.table.knows(found->second->container->id)) {
    return found->second;
  }
  return Error(Code::kNotFound, cat("No such exec instance: ", id));
}

std::unique_ptr<StreamSession> make_exec_session(Core& core, std::shared_ptr<Exec> exec) {
  return std::make_unique<ExecStreamSession>(core, std::move(exec));
}

}  // namespace skiff::engine
