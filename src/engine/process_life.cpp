#include "engine/process_life.h"

#include <sys/mount.h>

#include <cerrno>

#include "base/log.h"
#include "base/strings.h"
#include "engine/container_network.h"
#include "engine/orphan.h"

namespace skiff::engine {

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

void remove_monitor(Core& core, const Container& container, runtime::MonitorClient& monitor) {
  Result<> removed = monitor.remove();
  if (removed) return;
  log_warn(cat("container ", container.id, ": remove: ", removed.error().message()));
  end_orphan(core, container);
}

Result<> check_root(Core& core, const Container& container) {
  const auto damaged = TRY(core.images.snapshots().damaged_below(container.record().snapshot));
  if (!damaged) return {};
  return snapshot::damaged_layer(*damaged).with_context(
      cat("image ", container.info().config.image));
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
  container.cgroup_parents.reset();
  publish_volume_events(core, container, "unmount");
}

Result<> hold_volumes(Core& core, const Container& container) {
  for (const MountPoint& mount : container.info().mounts) {
    if (mount.type == MountType::kVolume) TRY(core.volumes.hold(mount.name, container.id));
  }
  return {};
}

Result<> hold_cgroup_parents(Core& core, Container& container) {
  const ContainerInfo info = container.info();
  if (info.host_config.cgroup_parent.empty() || !core.options.has_cgroups) return {};
  container.cgroup_parents.emplace(TRY(core.cgroup_parents->use(core.cgroup_of(info))));
  return {};
}

void let_go_volumes(Core& core, const Container& container) {
  for (const MountPoint& mount : container.info().mounts) {
    if (mount.type == MountType::kVolume) core.volumes.let_go(mount.name, container.id);
  }
}

Result<> clean_run_directory(const Container& container) {
  for (const Path& mounted : {container.paths.rootfs(), container.paths.shm()}) {
    // Lazily: a `docker cp` may still read in it.
    while (::umount2(mounted.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW) == 0) {
    }
    if (errno != EINVAL && errno != ENOENT) {
      return Error::from_errno(errno, cat("unmount ", mounted.native()));
    }
  }
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
