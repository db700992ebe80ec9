#include "engine/remove.h"

#include <csignal>

#include "base/log.h"
#include "base/strings.h"
#include "engine/container_network.h"
#include "engine/process_life.h"
#include "engine/stopping.h"

namespace skiff::engine {

namespace {

constexpr std::chrono::seconds kKillPatience{20};

Error conflict(const Container& container, std::string_view why) {
  return {Code::kFailedPrecondition,
          cat("cannot remove container \"/", container.name(), "\": ", why)};
}

Result<> check_removable(const Container& container) {
  switch (container.state().status) {
    case Status::kPaused:
      return conflict(container, "container is paused and must be unpaused first");
    case Status::kRunning:
    case Status::kRestarting:
      return conflict(container, cat("container is ", status_name(container.state().status),
                                     ": stop the container before removing or force remove"));
    default:
      return {};
  }
}

// Claims the container for removal; false while it runs.
Result<bool> claim(Container& container) {
  bool removing = false;
  bool claimed = container.change([&](Record& record) {
    Status& status = record.info.state.status;
    removing = status == Status::kRemoving;
    if (removing || record.info.state.running()) return false;
    status = Status::kRemoving;
    return true;
  });
  if (removing) {
    return Error(Code::kFailedPrecondition,
                 cat("removal of container ", container.name(), " is already in progress"));
  }
  return claimed;
}

// The snapshot that the container's own stands on; "" for none.
std::string parent_of(Core& core, const Container& container) {
  const auto own = core.images.snapshots().stat(container.record().snapshot);
  return own ? own->parent : "";
}

// What was dropped before is no failure.
Result<> drop_files(Core& core, const Container& container) {
  Result<> removed = core.images.snapshots().remove(container.record().snapshot);
  if (!removed && removed.error().code() != Code::kNotFound) return removed;
  if (Result<> tree = remove_tree(container.paths.directory); !tree) {
    log_warn(tree.error().message());
  }
  return {};
}

bool is_of_full_disk(const Result<>& result) {
  return !result && result.error().code() == Code::kResourceExhausted;
}

// Never a row without its files: once it is gone, what follows is swept up by the next
// open_engine() at the latest. But to delete a row takes room, and it may be those files that fill
// the disk: they go first then. A request has the daemon's reserve besides, the end of a container
// with --rm has not.
Result<> forget(Core& core, Container& container) {
  disconnect_network(core, container);
  TRY(clean_run_directory(container));
  Result<> deleted = core.db->delete_container(container.id);
  if (!is_of_full_disk(deleted)) return deleted;
  TRY(drop_files(core, container));
  core.images.snapshots().settle();
  return core.db->delete_container(container.id);
}

Result<> free_files(Core& core, const Container& container) {
  TRY(drop_files(core, container));
  const ContainerInfo info = container.info();
  core.userns.give_back(info.host_config, info.id_maps);
  core.labels.give_back(info.labels);
  return {};
}

// Of a container that was `before` and is claimed. What fails before anything is gone leaves it so.
Result<> free_claimed(Core& core, Container& container, Status before) {
  const auto be = [&](Status status) {
    container.change([&](Record& record) { record.info.state.status = status; });
  };
  Result<> forgotten = forget(core, container);
  if (!forgotten) {
    be(is_of_full_disk(forgotten) ? Status::kDead : before);
    return forgotten;
  }
  Result<> freed = free_files(core, container);
  if (!freed) be(Status::kDead);
  return freed;
}

// Asked first what need not look at all images: there may be thousands.
bool is_image_gone(Core& core, const Record& record) {
  const ContainerInfo& info = record.info;
  const auto platform = oci::Platform::parse(record.image_platform);
  const auto wanted = platform ? std::optional(*platform) : std::nullopt;
  const auto named = core.images.find(info.config.image, wanted);
  if (named && named->id.str() == info.image_id) return false;
  const auto is_missing = [](const auto& found) {
    return !found && found.error().code() == Code::kNotFound;
  };
  const auto id = oci::Digest::parse(info.image_id);
  if (id && is_missing(core.images.content().info(*id))) return true;
  return is_missing(core.images.find(info.image_id, wanted));
}

// Where the image was removed by force while the container stood on its layers, they go with it.
Result<> free_layers(Core& core, const Record& record, const std::string& layers) {
  return is_image_gone(core, record) ? core.images.collect_layers(layers) : Result<>();
}

void remove_anonymous_volumes(Core& core, const ContainerInfo& info) {
  for (const MountPoint& mount : info.mounts) {
    if (mount.type != MountType::kVolume) continue;
    auto volume = core.volumes.find(mount.name);
    if (!volume || !volume->anonymous()) continue;
    // Another container may use it, by --volumes-from.
    Result<> removed = core.volumes.remove(mount.name, true);
    if (!removed) log_info(removed.error().message());
  }
}

}  // namespace

Result<> remove_container(Core& core, const std::shared_ptr<Container>& container,
                          const RemoveOptions& options) {
  if (!options.force) TRY(check_removable(*container));
  std::string layers;
  for (;;) {
    if (options.force)
      TRY(stop_container(core, *container, {.signal = SIGKILL, .timeout = kKillPatience}));
    const auto operation = container->operate();
    const Status before = container->state().status;
    // Its policy may have started it again meanwhile.
    if (!TRY(claim(*container))) {
      if (!options.force) return check_removable(*container);
      continue;
    }
    layers = parent_of(core, *container);
    TRY_CONTEXT(free_claimed(core, *container, before),
                cat("unable to remove container ", container->id));
    break;
  }
  ContainerInfo info = container->info();
  if (options.volumes) remove_anonymous_volumes(core, info);
  core.table.erase(container->id);
  core.publish(*container, "destroy");
  container->notify_removed();
  if (Result<> freed = free_layers(core, container->record(), layers); !freed) {
    log_warn(cat("layers of container ", container->id, ": ", freed.error().message()));
  }
  return {};
}

}  // namespace skiff::engine
