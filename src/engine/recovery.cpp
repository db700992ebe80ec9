#include "engine/recovery.h"

#include "base/log.h"
#include "base/strings.h"
#include "engine/orphan.h"
#include "engine/process_life.h"
#include "engine/remove.h"
#include "sys/cgroup.h"
#include "sys/mounts.h"

namespace skiff::engine {

namespace {

void log_failure(const Container& container, const Result<>& result) {
  if (!result) log_warn(cat("container ", container.id, ": ", result.error().message()));
}

Monitor find_monitor(const ContainerPaths& paths) {
  auto found = runtime::MonitorClient::connect(paths.monitor());
  if (found) return std::make_shared<runtime::MonitorClient>(std::move(*found));
  if (found.error().code() != Code::kNotFound) log_info(found.error().message());
  return nullptr;
}

// The addresses that the earlier daemon gave it; they are still in place.
void restore_endpoints(Core& core, Container& container) {
  for (const NetworkAttachment& network : container.info().networks) {
    auto endpoints = core.networks.endpoints(network.network_id);
    if (!endpoints) continue;
    for (const network::Endpoint& endpoint : *endpoints) {
      if (endpoint.container_id != container.id) continue;
      container.change([&](Record& record) {
        for (NetworkAttachment& own : record.info.networks) {
          if (own.network_id == network.network_id) own.endpoint = endpoint;
        }
      });
    }
  }
}

// The freezer tells whether it is paused: the daemon may have died before it wrote that down.
Status live_status(Core& core, const Container& container) {
  auto group = sys::Cgroup::open(core.cgroup_of(container.info()));
  return group && group->frozen() ? Status::kPaused : Status::kRunning;
}

// operate() is held.
void take_over(Core& core, Supervisor& supervisor, const std::shared_ptr<Container>& container,
               const runtime::MonitorState& state) {
  log_failure(*container, hold_volumes(core, *container));
  log_failure(*container, hold_cgroup_parents(core, *container));
  supervisor.note_state(*container, state);
  if (state.stage != runtime::MonitorState::Stage::kRestarting) {
    Status status = live_status(core, *container);
    container->change([&](Record& record) {
      record.info.state.status = status;
      record.info.state.pid = state.pid;
    });
  }
  core.save_or_log(*container);
  supervisor.watch(container);
  log_info(cat("container ", container->id, ": found ", status_name(container->state().status)));
}

// One that was running, or about to run again, when the earlier daemon ended.
void recover_running(Core& core, Supervisor& supervisor, ExecTable& execs,
                     const std::shared_ptr<Container>& container) {
  restore_endpoints(core, *container);
  Monitor monitor = find_monitor(container->paths);
  container->set_monitor(monitor);
  const auto operation = container->operate();
  std::optional<runtime::ExitStatus> ended;
  if (monitor != nullptr) {
    execs.adopt(container);
    using Stage = runtime::MonitorState::Stage;
    auto state = monitor->state();
    // One that is created only had no network yet, maybe; nobody was told that it started.
    if (state && (state->stage == Stage::kRunning || state->stage == Stage::kRestarting)) {
      take_over(core, supervisor, container, *state);
      return;
    }
    if (state) ended = state->exit;
  }
  supervisor.record_exit(*container, ended ? *ended : end_lost(core, *container));
}

// A start that the earlier daemon did not finish: nobody was told that it succeeded.
void undo_start(Core& core, Container& container) {
  std::error_code ec;
  if (!std::filesystem::exists(container.paths.run, ec)) return;
  if (Monitor monitor = find_monitor(container.paths)) log_failure(container, monitor->remove());
  end_orphan(core, container);
  log_failure(container, clean_run_directory(container));
}

// The names in `directory` that belong to no container.
std::vector<std::string> strangers_in(Core& core, const Path& directory) {
  std::vector<std::string> out;
  std::error_code ec;
  for (const auto& entry : std::filesystem::directory_iterator(directory, ec)) {
    std::string id = entry.path().filename().string();
    if (!core.table.find(id)) out.push_back(std::move(id));
  }
  return out;
}

void sweep_run_directory(Core& core, const std::string& id) {
  log_info(cat("removing what is left of container ", id));
  Record record;
  record.info.id = id;
  Container stranger(record, core.paths_of(id));
  undo_start(core, stranger);
}

bool is_own_snapshot(const snapshot::Info& info) {
  return info.kind != snapshot::Kind::kCommitted &&
         (info.name.starts_with("container-") || info.name.starts_with("init-"));
}

Result<> sweep_snapshots(Core& core) {
  std::vector<std::string> unused;
  TRY(core.images.snapshots().walk([&](const snapshot::Info& info) -> Result<> {
    std::string id = info.name.substr(info.name.find('-') + 1);
    if (is_own_snapshot(info) && !core.table.find(id)) unused.push_back(info.name);
    return {};
  }));
  for (const std::string& name : unused) {
    log_info(cat("removing snapshot ", name, ", which no container has"));
    TRY(core.images.snapshots().remove(name));
  }
  return {};
}

void remove_logged(Core& core, const std::shared_ptr<Container>& container, bool volumes) {
  log_failure(*container, remove_container(core, container, {.force = true, .volumes = volumes}));
}

void start_logged(Core& core, Supervisor& supervisor, const std::shared_ptr<Container>& container) {
  const auto operation = container->operate();
  Status status = container->state().status;
  if (core.stopping || (status != Status::kExited && status != Status::kRestarting)) return;
  // As a start by hand: what was before is over.
  container->change([](Record& record) {
    record.manually_stopped = false;
    record.info.restart_count = 0;
  });
  Result<> started = supervisor.start(container);
  if (started) return;
  log_failure(*container, std::move(started).context("restart"));
  container->notify_exit();
}

}  // namespace

Result<> load_containers(Core& core) {
  for (Record& record : TRY(core.db->load_containers())) {
    TRY(core.table.reserve_name(record.info.name, record.info.id));
    core.userns.keep(record.info.host_config, record.info.id_maps);
    core.labels.keep(record.info.labels);
    ContainerPaths paths = core.paths_of(record.info.id);
    core.table.add(std::make_shared<Container>(std::move(record), paths));
  }
  return {};
}

void recover_containers(Core& core, Supervisor& supervisor, ExecTable& execs) {
  for (const auto& container : core.table.all()) {
    Status status = container->state().status;
    bool ran = status == Status::kRunning || status == Status::kPaused ||
               (status == Status::kRestarting && find_monitor(container->paths) != nullptr);
    if (ran) {
      recover_running(core, supervisor, execs, container);
    } else {
      undo_start(core, *container);
    }
  }
  if (Result<> dropped = core.volumes.drop_unheld(); !dropped) log_warn(dropped.error().message());
}

Result<> sweep_leftovers(Core& core) {
  sys::unmount_below(core.scratch());
  TRY(remove_tree(core.scratch()));
  TRY(make_directories(core.scratch(), 0700));
  for (const std::string& id : strangers_in(core, core.options.run_dir / "containers")) {
    sweep_run_directory(core, id);
  }
  for (const std::string& id : strangers_in(core, core.options.root / "containers")) {
    TRY(remove_tree(core.options.root / "containers" / id));
  }
  TRY(sweep_snapshots(core));
  std::vector<std::string> alive;
  for (const auto& container : core.table.all()) {
    if (container->monitor() != nullptr) alive.push_back(container->id);
  }
  return core.networks.reconcile(alive);
}

void resume_containers(Core& core, Supervisor& supervisor) {
  for (const auto& container : core.table.all()) {
    Record record = container->record();
    const State& state = record.info.state;
    if (state.status == Status::kRemoving || state.status == Status::kDead) {
      container->change([](Record& r) { r.info.state.status = Status::kDead; });
      core.tasks.run([&core, container] { remove_logged(core, container, false); });
      continue;
    }
    bool down = container->monitor() == nullptr &&
                (state.status == Status::kExited || state.status == Status::kRestarting);
    bool ran_before = state.started != TimePoint();
    if (!down || !ran_before) continue;
    if (record.info.host_config.auto_remove) {
      core.tasks.run([&core, container] { remove_logged(core, container, true); });
    } else if (state.status == Status::kRestarting || starts_at_boot(record)) {
      core.tasks.run(
          [&core, &supervisor, container] { start_logged(core, supervisor, container); });
    }
  }
}

}  // namespace skiff::engine
