#include "engine/container_service.h"

#include <csignal>

#include "base/log.h"
#include "base/scope_exit.h"
#include "base/strings.h"
#include "engine/create.h"
#include "engine/list.h"
#include "engine/names.h"
#include "engine/process_life.h"
#include "engine/remove.h"
#include "engine/stopping.h"
#include "engine/update.h"

namespace skiff::engine {

namespace {

Error conflict(std::string message) { return {Code::kFailedPrecondition, std::move(message)}; }

// Whether the container may be started now; kAlready when it runs.
Result<Effect> check_startable(const Container& container) {
  switch (container.state().status) {
    case Status::kPaused:
      return conflict("cannot start a paused container, try unpause instead");
    case Status::kRunning:
    case Status::kRestarting:
      return Effect::kAlready;
    case Status::kRemoving:
    case Status::kDead:
      return conflict("container is marked for removal and cannot be started");
    case Status::kCreated:
    case Status::kExited:
      break;
  }
  return Effect::kDone;
}

// A program that cannot be run is the request's fault, not a missing container.
Error start_failure(const Error& error) {
  bool program = error.code() == Code::kNotFound || error.code() == Code::kPermissionDenied;
  return program ? Error(Code::kInvalidArgument, error.message()) : error;
}

Result<StopOrder> plan_stop(const Container& container, const StopOptions& options) {
  ContainerConfig config = container.info().config;
  std::string signal = options.signal.empty() ? config.run.stop_signal : options.signal;
  StopOrder order;
  if (!signal.empty()) order.signal = TRY(parse_signal(signal));
  auto timeout = options.timeout ? options.timeout : config.stop_timeout;
  if (timeout) order.timeout = std::chrono::seconds(*timeout);
  return order;
}

Result<Monitor> running_monitor(const Container& container) {
  Monitor monitor = container.monitor();
  if (monitor == nullptr) return not_running(container);
  return monitor;
}

class SlotWaiter : public Waiter {
 public:
  SlotWaiter(std::shared_ptr<Container> container, std::shared_ptr<WaitSlot> slot)
      : container_(std::move(container)), slot_(std::move(slot)) {}
  ~SlotWaiter() override { container_->forget_waiter(slot_); }
  SlotWaiter(const SlotWaiter&) = delete;
  SlotWaiter& operator=(const SlotWaiter&) = delete;

  Result<WaitResult> wait(const CancelToken& cancel) override {
    for (;;) {
      auto ended = TRY(slot_->wait(cancel, std::chrono::milliseconds(-1)));
      if (ended) return *ended;
    }
  }

 private:
  std::shared_ptr<Container> container_;
  std::shared_ptr<WaitSlot> slot_;
};

}  // namespace

Result<> ContainerService::check_serving() const {
  if (!core_.stopping) return {};
  return Error(Code::kUnavailable, "the daemon is shutting down");
}

Result<Created> ContainerService::create(CreateRequest request) {
  TRY(check_serving());
  auto created = create_container(core_, std::move(request));
  if (!created) return created;
  if (auto container = core_.table.find(created->id)) ahead_.offer(*container);
  return created;
}

Result<Effect> ContainerService::start(const std::string& reference) {
  return start_one(TRY(core_.table.find(reference)));
}

Result<Effect> ContainerService::start_one(const std::shared_ptr<Container>& container) {
  TRY(check_serving());
  Result<> started;
  {
    const auto operation = container->operate_start();
    if (TRY(check_startable(*container)) == Effect::kAlready) return Effect::kAlready;
    container->change([](Record& record) {
      record.manually_stopped = false;
      record.info.restart_count = 0;
    });
    started = supervisor_.start(container);
  }
  ahead_.go_on();
  if (started) return Effect::kDone;
  if (container->info().host_config.auto_remove) {
    Result<> removed = remove_container(core_, container, {.force = true, .volumes = true});
    if (!removed) log_warn(cat("container ", container->id, ": ", removed.error().message()));
  }
  return start_failure(started.error());
}

Result<Effect> ContainerService::stop(const std::string& reference, const StopOptions& options) {
  auto container = TRY(core_.table.find(reference));
  StopOrder order = TRY(plan_stop(*container, options));
  Effect effect = TRY_CONTEXT(stop_container(core_, *container, order),
                              cat("cannot stop container: ", reference));
  if (effect == Effect::kDone) core_.publish(*container, "stop");
  return effect;
}

Result<> ContainerService::restart(const std::string& reference, const StopOptions& options) {
  auto container = TRY(core_.table.find(reference));
  StopOrder order = TRY(plan_stop(*container, options));
  // The end in between is no reason to remove it.
  container->keep_after_exit = true;
  ScopeExit forget([&] { container->keep_after_exit = false; });
  std::string what = cat("Cannot restart container ", reference);
  // Before it is stopped: one that cannot be started again runs on.
  TRY_CONTEXT(check_root(core_, *container), what);
  Effect stopped = TRY_CONTEXT(stop_container(core_, *container, order), what);
  if (stopped == Effect::kDone) core_.publish(*container, "stop");
  TRY_CONTEXT(start_one(container), what);
  core_.publish(*container, "restart");
  return {};
}

Result<> ContainerService::kill(const std::string& reference, const std::string& signal) {
  auto container = TRY(core_.table.find(reference));
  return kill_container(core_, *container, TRY(parse_signal(signal)));
}

Result<> ContainerService::pause(const std::string& reference) {
  auto container = TRY(core_.table.find(reference));
  const auto operation = container->operate();
  Monitor monitor = TRY(running_monitor(*container));
  if (container->state().status == Status::kPaused) {
    return conflict(cat("Container ", container->id, " is already paused"));
  }
  TRY_CONTEXT(monitor->pause(), cat("cannot pause container ", container->id));
  container->change([](Record& record) { record.info.state.status = Status::kPaused; });
  core_.save_or_log(*container);
  core_.publish(*container, "pause");
  return {};
}

Result<> ContainerService::unpause(const std::string& reference) {
  auto container = TRY(core_.table.find(reference));
  const auto operation = container->operate();
  Monitor monitor = container->monitor();
  if (monitor == nullptr || container->state().status != Status::kPaused) {
    return conflict(cat("Container ", container->id, " is not paused"));
  }
  TRY_CONTEXT(monitor->resume(), cat("cannot resume container ", container->id));
  container->change([](Record& record) { record.info.state.status = Status::kRunning; });
  core_.save_or_log(*container);
  core_.publish(*container, "unpause");
  return {};
}

Result<> ContainerService::rename(const std::string& reference, const std::string& new_name) {
  if (new_name.empty()) {
    return Error(Code::kInvalidArgument, "Neither old nor new names may be empty");
  }
  auto container = TRY(core_.table.find(reference));
  std::string wanted = TRY(check_container_name(new_name));
  const auto operation = container->operate();
  std::string old = container->name();
  if (wanted == old) {
    return Error(Code::kInvalidArgument,
                 "Renaming a container with the same name as its current name");
  }
  TRY(core_.table.reserve_name(wanted, container->id));
  auto take = [&](const std::string& name) {
    container->change([&](Record& record) { record.info.name = name; });
  };
  take(wanted);
  if (Result<> saved = core_.save(*container); !saved) {
    take(old);
    core_.table.release_name(wanted, container->id);
    return saved;
  }
  core_.table.release_name(old, container->id);
  core_.publish(*container, "rename", {{"oldName", "/" + old}});
  return {};
}

Result<std::vector<std::string>> ContainerService::update(const std::string& reference,
                                                          const UpdateRequest& request) {
  auto container = TRY(core_.table.find(reference));
  TRY(update_container(core_, *container, request));
  return std::vector<std::string>();
}

Result<> ContainerService::remove(const std::string& reference, const RemoveOptions& options) {
  return remove_container(core_, TRY(core_.table.find(reference)), options);
}

Result<std::unique_ptr<Waiter>> ContainerService::wait(const std::string& reference,
                                                       WaitCondition condition) {
  auto container = TRY(core_.table.find(reference));
  auto slot = container->add_waiter(condition);
  // Removed between the look-up and the registration: nobody would complete it.
  if (!core_.table.find(container->id)) {
    State state = container->state();
    slot->complete(WaitResult{state.exit_code, state.error});
  }
  return std::make_unique<SlotWaiter>(std::move(container), std::move(slot));
}

Result<ContainerInfo> ContainerService::get(const std::string& reference, bool sizes) {
  auto container = TRY(core_.table.find(reference));
  ContainerInfo info = container->info();
  if (sizes) add_sizes(core_, container->record(), info);
  return info;
}

Result<std::vector<ContainerInfo>> ContainerService::list(const ListOptions& options) {
  return list_containers(core_, options);
}

Result<PruneResult> ContainerService::prune(const Filters& filters) {
  TRY(check_filters(filters, {"until", "label", "label!"}));
  std::optional<TimePoint> until;
  for (const std::string& text : filter_values(filters, "until")) {
    until = TRY(parse_time_argument(text, core_.clock.now()));
  }
  PruneResult result;
  for (const auto& container : core_.table.all()) {
    ContainerInfo info = container->info();
    bool idle = info.state.status == Status::kCreated || info.state.status == Status::kExited ||
                info.state.status == Status::kDead;
    if (!idle || (until && info.created > *until)) continue;
    if (!labels_match(filters, info.config.run.labels)) continue;
    add_sizes(core_, container->record(), info);
    // One that was started or removed meanwhile is none of ours any more.
    if (Result<> removed = remove_container(core_, container, {}); !removed) {
      log_warn(cat("prune: ", removed.error().message()));
      continue;
    }
    result.removed.push_back(info.id);
    result.bytes += info.size_rw.value_or(0);
  }
  core_.images.snapshots().settle();
  return result;
}

Counters ContainerService::counters() {
  Counters out;
  for (const auto& container : core_.table.all()) {
    ++out.containers;
    switch (container->state().status) {
      case Status::kRunning:
      case Status::kRestarting:
        ++out.running;
        break;
      case Status::kPaused:
        ++out.paused;
        break;
      default:
        ++out.stopped;
    }
  }
  return out;
}

}  // namespace skiff::engine
