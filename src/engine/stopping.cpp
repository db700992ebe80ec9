#include "engine/stopping.h"

#include <csignal>

#include "base/strings.h"

namespace skiff::engine {

namespace {

using std::chrono::milliseconds;
constexpr std::chrono::seconds kAfterKill{20};

// One whose monitor was lost, and which only waits for another, is stopped by forgetting that.
bool call_off_restart(Core& core, Container& container, bool by_hand) {
  const auto operation = container.operate();
  if (container.monitor() != nullptr) return false;
  bool was_due = container.change([&](Record& record) {
    if (record.info.state.status != Status::kRestarting) return false;
    record.info.state.status = Status::kExited;
    if (by_hand) record.manually_stopped = true;
    return true;
  });
  if (was_due) {
    core.save_or_log(container);
    container.notify_exit();
  }
  return was_due;
}

// A frozen process takes a signal only when it thaws.
void note_thaw(Core& core, Container& container) {
  bool paused = container.change([](Record& record) {
    if (record.info.state.status != Status::kPaused) return false;
    record.info.state.status = Status::kRunning;
    return true;
  });
  if (paused) core.publish(container, "unpause");
}

void note_kill(Core& core, Container& container, int signal) {
  core.publish(container, "kill", {{"signal", std::to_string(signal)}});
}

Result<> ask_to_stop(Core& core, Container& container, const StopOrder& order) {
  Monitor monitor = container.monitor();
  if (monitor == nullptr) return not_running(container);
  runtime::StopRequest request{.signal = order.signal, .by_hand = order.by_hand};
  if (order.timeout.count() >= 0) request.timeout = order.timeout;
  TRY(monitor->stop(request));
  note_kill(core, container, order.signal);
  note_thaw(core, container);
  return {};
}

// False when the container does not run.
bool mark_stopped(Container& container, bool by_hand) {
  return container.change([&](Record& record) {
    if (!record.info.state.running()) return false;
    if (by_hand) record.manually_stopped = true;
    return true;
  });
}

// A container on its way down.
class Ending {
 public:
  Ending(Core& core, Container& container)
      : shutdown_(core.shutdown.token()),
        container_(container),
        slot_(container.add_waiter(WaitCondition::kNextExit)) {}
  ~Ending() { container_.forget_waiter(slot_); }
  Ending(const Ending&) = delete;
  Ending& operator=(const Ending&) = delete;

  // False when the time is over first.
  Result<bool> await(milliseconds patience) {
    for (;;) {
      if (!TRY(slot_->wait(shutdown_, patience))) return false;
      container_.forget_waiter(slot_);
      slot_ = container_.add_waiter(WaitCondition::kNextExit);
      // A run may have ended by itself before its monitor was asked, and another one be due or
      // there, which that ends.
      if (!container_.state().running()) return true;
    }
  }

 private:
  CancelToken shutdown_;
  Container& container_;
  std::shared_ptr<WaitSlot> slot_;
};

}  // namespace

Error not_running(const Container& container) {
  return {Code::kFailedPrecondition, cat("container ", container.id, " is not running")};
}

Result<> check_has_process(const Container& container) {
  if (container.state().status == Status::kRestarting) {
    return Error(
        Code::kFailedPrecondition,
        cat("Container ", container.id, " is restarting, wait until the container is running"));
  }
  if (container.monitor() == nullptr) return not_running(container);
  return {};
}

Result<Effect> stop_container(Core& core, Container& container, const StopOrder& order) {
  Ending ending(core, container);
  if (!mark_stopped(container, order.by_hand)) return Effect::kAlready;
  if (call_off_restart(core, container, order.by_hand)) return Effect::kDone;
  // A request that fails finds a process that has just ended.
  Result<> asked = ask_to_stop(core, container, order);
  if (asked) {
    bool for_ever = order.timeout.count() < 0;
    if (TRY(ending.await(for_ever ? milliseconds(-1) : order.timeout))) return Effect::kDone;
    note_kill(core, container, SIGKILL);
  }
  if (TRY(ending.await(kAfterKill))) return Effect::kDone;
  if (!asked) return std::move(asked.error());
  return Error(Code::kDeadlineExceeded,
               cat("container ", container.id, " did not end after SIGKILL"));
}

Result<> kill_container(Core& core, Container& container, int signal) {
  std::string what = cat("cannot kill container: ", container.name());
  if (!mark_stopped(container, true)) return not_running(container).with_context(what);
  if (call_off_restart(core, container, true)) return {};
  if (signal == SIGKILL) {
    TRY(stop_container(core, container, {.signal = SIGKILL, .timeout = kAfterKill}));
    return {};
  }
  StopOrder order{.signal = signal, .timeout = std::chrono::seconds(-1)};
  TRY_CONTEXT(ask_to_stop(core, container, order), what);
  return {};
}

}  // namespace skiff::engine
