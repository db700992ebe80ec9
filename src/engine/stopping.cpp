#include "engine/stopping.h"

#include <csignal>

#include "base/log.h"
#include "base/scope_exit.h"
#include "base/strings.h"

namespace skiff::engine {

namespace {

using std::chrono::milliseconds;
constexpr std::chrono::seconds kAfterKill{20};

// A container that only waits for its next start is stopped by forgetting that.
bool call_off_restart(Core& core, Container& container) {
  std::lock_guard operation(container.operation);
  bool was_due = container.change([](Record& record) {
    if (record.info.state.status != Status::kRestarting) return false;
    record.info.state.status = Status::kExited;
    record.manually_stopped = true;
    return true;
  });
  if (was_due) {
    core.save_or_log(container);
    container.notify_exit();
  }
  return was_due;
}

// A frozen process takes a signal only when it thaws.
void thaw(Core& core, Container& container, runtime::MonitorClient& monitor) {
  bool paused = container.change([](Record& record) {
    if (record.info.state.status != Status::kPaused) return false;
    record.info.state.status = Status::kRunning;
    return true;
  });
  if (!paused) return;
  if (Result<> resumed = monitor.resume(); !resumed) log_warn(resumed.error().message());
  core.publish(container, "unpause");
}

Result<> send(Core& core, Container& container, int signal) {
  Monitor monitor = container.monitor();
  if (monitor == nullptr) return not_running(container);
  TRY(monitor->signal(signal));
  core.publish(container, "kill", {{"signal", std::to_string(signal)}});
  thaw(core, container, *monitor);
  return {};
}

// False when the container does not run.
bool mark_stopped_by_hand(Container& container) {
  return container.change([](Record& record) {
    if (!record.info.state.running()) return false;
    record.manually_stopped = true;
    return true;
  });
}

}  // namespace

Error not_running(const Container& container) {
  return {Code::kFailedPrecondition, cat("container ", container.id, " is not running")};
}

Result<Effect> stop_container(Core& core, Container& container, int signal,
                              std::chrono::seconds timeout) {
  auto slot = container.add_waiter(WaitCondition::kNextExit);
  ScopeExit forget([&] { container.forget_waiter(slot); });
  if (!mark_stopped_by_hand(container)) return Effect::kAlready;
  if (call_off_restart(core, container)) return Effect::kDone;
  CancelToken shutdown = core.shutdown.token();
  // A signal that fails finds a process that ends, or one that KILL will end.
  if (send(core, container, signal)) {
    auto ended = TRY(slot->wait(shutdown, timeout.count() < 0 ? milliseconds(-1) : timeout));
    if (ended) return Effect::kDone;
  }
  Result<> killed = send(core, container, SIGKILL);
  auto ended = TRY(slot->wait(shutdown, kAfterKill));
  if (ended) return Effect::kDone;
  if (!killed) return std::move(killed.error());
  return Error(Code::kDeadlineExceeded,
               cat("container ", container.id, " did not end after SIGKILL"));
}

Result<> kill_container(Core& core, Container& container, int signal) {
  std::string what = cat("cannot kill container: ", container.name());
  if (!mark_stopped_by_hand(container)) return not_running(container).with_context(what);
  if (call_off_restart(core, container)) return {};
  if (signal == SIGKILL) {
    TRY(stop_container(core, container, SIGKILL, kAfterKill));
    return {};
  }
  TRY_CONTEXT(send(core, container, signal), what);
  return {};
}

}  // namespace skiff::engine
