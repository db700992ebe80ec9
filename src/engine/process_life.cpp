#include "engine/process_life.h"

#include <sys/mount.h>

#include <algorithm>
#include <cerrno>

#include "base/log.h"
#include "base/scope_exit.h"
#include "base/strings.h"
#include "engine/container_network.h"
#include "engine/health.h"
#include "engine/log_drivers.h"
#include "engine/orphan.h"
#include "engine/spec.h"

namespace skiff::engine {

namespace {

// The daemon may map other ids than at the last start.
Result<> choose_ids(Core& core, Container& container) {
  const ContainerInfo info = container.info();
  auto maps =
      TRY(core.userns.choose_again(info.host_config, info.id_maps,
                                   [&](const std::string& other) { return core.maps_of(other); }));
  container.change([&](Record& record) { record.info.id_maps = std::move(maps); });
  return {};
}

Result<> mount_root(Core& core, const Container& container, const std::string& snapshot) {
  TRY(make_directories(container.paths.run, 0700));
  TRY(make_directories(container.paths.rootfs(), 0700));
  TRY(make_directories(container.paths.bundle(), 0700));
  const ContainerInfo info = container.info();
  const auto ids = TRY(core.userns.namespace_for(info.id_maps));
  const auto find = [&]() -> Result<snapshot::Mount> {
    auto mount =
        TRY_CONTEXT(core.images.snapshots().mount_of(snapshot), cat("image ", info.config.image));
    mount.ids = ids;
    return mount;
  };
  // Stays until free_process(), also across a restart of the daemon.
  (void)TRY(snapshot::MountedSnapshot::mount(find, container.paths.rootfs())).release();
  return {};
}

Result<> write_bundle(Core& core, const Container& container) {
  TRY(write_network_files(core, container));
  runtime::ContainerSpec spec = TRY(make_spec(core, container));
  json::Value config = TRY(runtime::make_oci_config(spec));
  return write_file(container.paths.bundle() / "config.json", config.dump());
}

// Where the containers whose namespaces this one joins keep their states.
Result<std::map<std::string, Path>> joined_namespaces(Core& core, const ContainerInfo& info) {
  const HostConfig& host = info.host_config;
  constexpr std::string_view kContainer = "container:";
  const std::pair<const char*, const std::string&> modes[] = {
      {"network", host.network_mode}, {"pid", host.pid_mode}, {"ipc", host.ipc_mode}};
  std::map<std::string, Path> out;
  const auto join = [&](const char* kind, const std::string& reference) -> Result<> {
    auto other = TRY(core.table.find(reference));
    out[kind] = runtime::MonitorOptions::state_of(other->paths.monitor(), other->id);
    return {};
  };
  for (const auto& [kind, mode] : modes) {
    if (mode.starts_with(kContainer)) TRY(join(kind, mode.substr(kContainer.size())));
  }
  const std::string user = userns_owner(host, info.id_maps);
  if (!user.empty()) TRY(join("user", user));
  return out;
}

Result<runtime::MonitorOptions> monitor_options(Core& core, const Container& container) {
  ContainerInfo info = container.info();
  runtime::MonitorOptions options;
  options.container_id = container.id;
  options.bundle = container.paths.bundle();
  options.state_dir = container.paths.monitor();
  options.seccomp_dir = core.options.run_dir / "seccomp";
  options.exit_file = container.paths.exit_file();
  TRY(set_log_options(info, options));
  options.open_stdin = info.config.open_stdin;
  options.stdin_once = info.config.stdin_once;
  options.terminal = info.config.tty;
  options.restart = policy_of(info.host_config);
  options.restart_count = info.restart_count;
  options.joined = TRY(joined_namespaces(core, info));
  options.health = health_check_of(info);
  return options;
}

void publish_volume_events(Core& core, const Container& container, const char* action) {
  for (const MountPoint& mount : container.info().mounts) {
    if (mount.type != MountType::kVolume) continue;
    core.events.publish({.type = "volume",
                         .action = action,
                         .id = mount.name,
                         .attributes = {{"container", container.id},
                                        {"destination", mount.destination},
                                        {"driver", "local"}},
                         .time = {}});
  }
}

Result<> hand_out_streams(const Monitor& monitor, Container& container) {
  for (const auto& point : container.set_monitor(monitor)) {
    auto stream = monitor->attach(point->wants_stdin());
    if (!stream) {
      point->close();
      return std::move(stream.error());
    }
    point->give(std::move(*stream));
  }
  return {};
}

// Also of one that is killed meanwhile nothing is left.
void remove_monitor(Core& core, const Container& container, runtime::MonitorClient& monitor) {
  Result<> removed = monitor.remove();
  if (removed) return;
  log_warn(cat("container ", container.id, ": remove: ", removed.error().message()));
  end_orphan(core, container);
}

// The disk's work and the kernel's at once. Nobody is told of the start before both are done; the
// daemon that follows one that dies in between finds the record saved, or undoes the start.
Result<> start_and_save(Core& core, Container& container, runtime::MonitorClient& monitor) {
  Result<> saved;
  Result<> started;
  {
    TaskGroup saving;
    saving.run([&] { saved = core.save(container); });
    started = monitor.start();
  }
  TRY_CONTEXT(std::move(started), "failed to start task for container");
  return saved;
}

// From an existing run directory to a running process.
Result<> spawn(Core& core, Container& container) {
  TRY(write_bundle(core, container));
  std::error_code ignored;
  std::filesystem::remove(container.paths.exit_file(), ignored);
  runtime::MonitorOptions options = TRY(monitor_options(core, container));
  auto spawned = TRY_CONTEXT(core.monitors.spawn(options), "failed to create task for container");
  auto monitor = std::make_shared<runtime::MonitorClient>(std::move(spawned));
  ScopeExit undo([&] {
    (void)container.take_monitor();
    disconnect_network(core, container);
    remove_monitor(core, container, *monitor);
  });
  TRY(connect_network(core, container, monitor->pid()));
  TRY(hand_out_streams(monitor, container));
  container.change([&](Record& record) {
    State& state = record.info.state;
    TimePoint last_finished = state.finished;
    state = State{};
    state.finished = last_finished;
    state.status = Status::kRunning;
    state.pid = monitor->pid();
    state.started = core.clock.now();
  });
  TRY(start_and_save(core, container, *monitor));
  undo.dismiss();
  return {};
}

}  // namespace

Result<> check_root(Core& core, const Container& container) {
  const auto damaged = TRY(core.images.snapshots().damaged_below(container.record().snapshot));
  if (!damaged) return {};
  return snapshot::damaged_layer(*damaged).with_context(
      cat("image ", container.info().config.image));
}

Result<> start_process(Core& core, Container& container) {
  const Record before = container.record();
  Result<> started = [&]() -> Result<> {
    TRY(clean_run_directory(container));
    TRY(choose_ids(core, container));
    TRY(hold_volumes(core, container));
    TRY(mount_root(core, container, before.snapshot));
    return spawn(core, container);
  }();
  if (started) {
    core.monitors.refill();
    publish_volume_events(core, container, "mount");
    core.publish(container, "start");
    return {};
  }
  if (Result<> cleaned = clean_run_directory(container); !cleaned) {
    log_warn(cleaned.error().message());
  }
  let_go_volumes(core, container);
  container.change([&](Record& record) {
    record.info.state = before.info.state;
    if (record.info.state.status == Status::kRestarting) {
      record.info.state.status = Status::kExited;
    }
    record.info.state.pid = 0;
    record.info.state.error = started.error().message();
    record.info.state.exit_code = start_exit_code(started.error());
  });
  core.save_or_log(container);
  // Nothing will come on the streams of those who attached.
  for (const auto& point : container.set_monitor(nullptr)) point->close();
  return started;
}

runtime::RestartPolicy policy_of(const HostConfig& host) {
  return {.name = host.restart_policy.name, .max_retries = host.restart_policy.maximum_retry_count};
}

void free_process(Core& core, Container& container) {
  disconnect_network(core, container);
  if (Monitor monitor = container.take_monitor()) remove_monitor(core, container, *monitor);
  if (Result<> cleaned = clean_run_directory(container); !cleaned) {
    log_warn(cat("container ", container.id, ": ", cleaned.error().message()));
  }
  let_go_volumes(core, container);
  publish_volume_events(core, container, "unmount");
}

Result<> hold_volumes(Core& core, const Container& container) {
  for (const MountPoint& mount : container.info().mounts) {
    if (mount.type == MountType::kVolume) TRY(core.volumes.hold(mount.name, container.id));
  }
  return {};
}

void let_go_volumes(Core& core, const Container& container) {
  for (const MountPoint& mount : container.info().mounts) {
    if (mount.type == MountType::kVolume) core.volumes.let_go(mount.name, container.id);
  }
}

Result<> clean_run_directory(const Container& container) {
  std::string rootfs = container.paths.rootfs().string();
  // Lazily: a `docker cp` may still read in it.
  while (::umount2(rootfs.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW) == 0) {
  }
  if (errno != EINVAL && errno != ENOENT) return Error::from_errno(errno, cat("unmount ", rootfs));
  return remove_tree(container.paths.run);
}

int start_exit_code(const Error& error) {
  auto says = [&](std::string_view text) {
    return error.message().find(text) != std::string::npos;
  };
  if (says("executable file not found") || says("no such file or directory") ||
      says("No such file or directory")) {
    return 127;
  }
  if (says("ermission denied") || says("not a directory") || says("is a directory")) return 126;
  return 128;
}

}  // namespace skiff::engine
