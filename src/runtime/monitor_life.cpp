// ContainerMonitor: the runs of its container.
#include <sched.h>
#include <sys/wait.h>

#include <algorithm>
#include <csignal>
#include <utility>

#include "base/strings.h"
#include "runtime/monitor_protocol.h"
#include "runtime/monitor_server.h"
#include "runtime/shared_memory.h"
#include "sys/process.h"

namespace skiff::runtime {

namespace {

using std::chrono::steady_clock;

// After this long without taking a byte a client holds the container up no more.
constexpr std::chrono::seconds kClientPatience{2};

}  // namespace

// The first one, or another in the namespaces that are held of it.
Result<> ContainerMonitor::create_container() {
  HeldNamespaces others;
  if (container_) {
    for (const auto& [kind, state] : options_.joined) TRY(others.hold_other(kind, state));
    TRY(container_->remove(true));
    container_.reset();
  }
  std::vector<OciNamespace> namespaces = held_.namespaces();
  for (OciNamespace& other : others.namespaces()) namespaces.push_back(std::move(other));
  if (options_.shm) TRY(mount_shared_memory(*options_.shm));
  auto io = make_io();
  TRY(io->open());
  Bundle bundle = TRY(read_bundle(options_.bundle));
  container_ = TRY(Container::create({.id = options_.container_id,
                                      .state_root = options_.state_dir / "state",
                                      .seccomp_dir = options_.seccomp_dir,
                                      .stdio = io->stdio(),
                                      .console_socket = io->console_socket(),
                                      .namespaces = std::move(namespaces),
                                      .spare_network = spare_network_.get(),
                                      .await_root = [this](OciProcess& p) { return take_root(p); }},
                                     std::move(bundle)));
  spare_network_.reset();
  replace_io(std::move(io));
  TRY(io_->begin());
  return held_.hold_own(*container_);
}

Result<> ContainerMonitor::take_root(OciProcess& process) {
  if (await_root_) {
    json::Value told = TRY(std::exchange(await_root_, nullptr)());
    if (const json::Value* user = told.find("user")) user_ = resolved_user_from(*user);
  }
  if (!user_) return {};
  process.uid = user_->uid;
  process.gid = user_->gid;
  process.additional_gids = user_->additional_gids;
  // As in a bundle that is made when the user is known: others than root have none.
  if (user_->uid != 0) process.capabilities = {.bounding = process.capabilities.bounding};
  const auto is_home = [](const std::string& v) { return v.starts_with("HOME=") && v.size() > 5; };
  if (std::none_of(process.env.begin(), process.env.end(), is_home)) {
    process.env.push_back(cat("HOME=", user_->home));
  }
  return {};
}

std::unique_ptr<ProcessIo> ContainerMonitor::make_io() {
  IoOptions options{.terminal = options_.terminal,
                    .open_stdin = options_.open_stdin,
                    .stdin_ends_with_client = options_.stdin_once,
                    .patience = kClientPatience,
                    .overflow_dir = options_.exit_file.parent_path()};
  IoCallbacks callbacks{.on_output = [this](OutputStream stream,
                                            std::string_view bytes) { log_output(stream, bytes); },
                        .on_drained = [this] { record_end(); },
                        .on_client_gone = [this] { end_if_done(); }};
  return std::make_unique<ProcessIo>(loop_, std::move(options), std::move(callbacks));
}

// Clients of the last run take what is left of it in their own time.
void ContainerMonitor::replace_io(std::unique_ptr<ProcessIo> io) {
  std::swap(io_, io);
  leaving_.remove_if([](const auto& old) { return !old->has_clients(); });
  if (io && io->has_clients()) leaving_.push_back(std::move(io));
}

void ContainerMonitor::begin_run() {
  stage_ = Stage::kRunning;
  run_began_ = steady_clock::now();
  started_ = Clock::system().now();
  if (options_.health) {
    auto on_probe = [this](const Result<>& kept) {
      report(kept);
      announce();
      // At once: the next thing to happen is the next probe.
      trim();
    };
    health_ =
        std::make_unique<HealthChecker>(loop_, *container_, *options_.health,
                                        MonitorOptions::health_file(options_.state_dir), on_probe);
    report(health_->begin());
  }
  announce();
  watch_memory();
}

void ContainerMonitor::watch_memory() {
  oom_kills_ = 0;
  oom_ = std::make_unique<OomWatch>(loop_, container_->cgroup(), [this](uint64_t kills) {
    oom_kills_ = kills;
    announce();
    trim_soon();
  });
  report(oom_->begin());
}

// Of several requests the most impatient counts.
void ContainerMonitor::kill_after(std::chrono::milliseconds delay) {
  const SteadyTime at = steady_clock::now() + delay;
  if (kill_at_ && *kill_at_ <= at) return;
  kill_at_ = at;
  loop_.cancel_call(kill_call_);
  kill_call_ = loop_.call_after(delay, [this] { kill_now(); });
}

void ContainerMonitor::kill_now() {
  if (has_process()) report(container_->kill(SIGKILL));
}

void ContainerMonitor::child_ended(int pid, int wait_status) {
  int code = sys::exit_code_of(wait_status);
  if (compressor_ && compressor_->child_ended(pid, code)) return;
  if (!container_ || pid != container_->pid() || !has_process()) {
    if (!health_ || !health_->child_ended(pid, code)) execs_.child_ended(pid, code);
    return;
  }
  stage_ = Stage::kEnded;
  recorded_ = false;
  health_.reset();
  // Before its cgroup goes.
  oom_kills_ = std::max(oom_kills_, container_->cgroup().oom_kills());
  oom_.reset();
  exit_.code = code;
  exit_.finished = Clock::system().now();
  // In a PID namespace of its own nobody outlives the init.
  if (!container_->config().has_new_namespace(CLONE_NEWPID))
    report(container_->cgroup().kill_all());
  io_->process_ended();
  if (removal_asked_) finish_removal();
}

// All output is read: the last words go to the log, the end to its file, then to the clients.
void ContainerMonitor::record_end() {
  if (log_) report(log_->end(exit_.finished));
  if (compressor_) compressor_->follow(log_->rotations());
  if (journal_) journal_->end();
  exit_.oom_killed = oom_kills_ > 0;
  exit_.restarting =
      !stopping_ && !removal_asked_ && !removed_ &&
      wants_restart(options_.restart, exit_.code, exit_.by_hand, options_.restart_count);
  if (exit_.restarting) {
    stage_ = Stage::kRestarting;
    ++options_.restart_count;
    auto delay = backoff_.after_run_of(steady_clock::now() - run_began_);
    restart_call_ = loop_.call_after(delay, [this] { restart(); });
  }
  write_exit();
  recorded_ = true;
  announce();
  io_->finish();
  check_reachable();
  trim_soon();
  end_if_done();
}

void ContainerMonitor::write_exit() {
  if (removed_ || removal_asked_) return;
  exit_.restart_count = options_.restart_count;
  report(write_file_durably(options_.exit_file, to_json(exit_).dump() + "\n"));
}

void ContainerMonitor::restart() {
  if (Result<> again = run_again(); !again) {
    exit_.restart_error = again.error().message();
    call_off_restart();
    // Its clients find that nothing will come.
    io_->finish();
    if (container_) report(container_->remove(true));
    container_.reset();
  }
  settle();
}

Result<> ContainerMonitor::run_again() {
  TRY(create_container());
  TRY(container_->start());
  begin_run();
  return {};
}

void ContainerMonitor::call_off_restart() {
  loop_.cancel_call(restart_call_);
  stage_ = Stage::kEnded;
  exit_.restarting = false;
  write_exit();
  announce();
}

MonitorState ContainerMonitor::state() const {
  // Of an end nobody is told before it is recorded.
  const bool ending = stage_ == Stage::kEnded && !recorded_;
  MonitorState now{.stage = ending ? Stage::kRunning : stage_,
                   .pid = has_process() || ending ? container_->pid() : 0,
                   .started = started_,
                   .restart_count = options_.restart_count,
                   .oom_kills = stage_ == Stage::kRunning || ending ? oom_kills_ : 0,
                   .exit = {}};
  if (!ending && exit_.finished != TimePoint()) now.exit = exit_;
  return now;
}

void ContainerMonitor::announce() {
  watching_.tell_all(to_json(state()));
  if (stage_ != Stage::kEnded || !recorded_) return;
  waiting_.answer_all(to_json(exit_));
  watching_.close_all();
}

Result<> ContainerMonitor::remove() {
  removed_ = true;
  loop_.cancel_call(restart_call_);
  listener_.close();
  Result<> removed;
  if (container_) removed = container_->remove(true);
  // The init's end is noticed as ever, unless the removal has reaped it.
  if (container_ && ::waitid(P_PID, static_cast<id_t>(container_->pid()), nullptr,
                             WEXITED | WNOHANG | WNOWAIT) != 0) {
    child_ended(container_->pid(), SIGKILL);
  }
  if (options_.shm) report(unmount_shared_memory(options_.shm->path));
  Result<> cleaned = remove_tree(options_.state_dir);
  return removed ? std::move(cleaned) : std::move(removed);
}

}  // namespace skiff::runtime
