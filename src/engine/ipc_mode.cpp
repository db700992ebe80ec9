#include "engine/ipc_mode.h"

#include <sys/stat.h>

#include <algorithm>

#include "base/strings.h"

namespace skiff::engine {

namespace {

constexpr const char* kShm = "/dev/shm";
constexpr std::string_view kJoin = "container:";

// A mount of the user's own there is nobody else's.
bool shares_shm(const ContainerInfo& info) {
  return info.host_config.ipc_mode == "shareable" && !info.host_config.tmpfs.contains(kShm) &&
         std::ranges::none_of(info.mounts,
                              [](const MountPoint& mount) { return mount.destination == kShm; });
}

Result<std::shared_ptr<Container>> find_donor(const Core& core, const std::string& reference) {
  auto donor = TRY(core.table.find(reference));
  const State state = donor->state();
  if (state.status == Status::kRestarting) {
    return Error(
        Code::kFailedPrecondition,
        cat("Container ", donor->id, " is restarting, wait until the container is running"));
  }
  if (!state.running() || state.pid == 0) {
    return Error(Code::kFailedPrecondition, cat("container ", donor->id, " is not running"));
  }
  return donor;
}

// Those who join somebody lend what they have of that one.
Result<Path> shm_of(const Core& core, std::shared_ptr<Container> donor) {
  for (size_t hops = core.table.all().size(); hops > 0; --hops) {
    const ContainerInfo info = donor->info();
    const std::string& mode = info.host_config.ipc_mode;
    if (mode == "host") return Path(kShm);
    if (shares_shm(info)) return donor->paths.shm();
    if (!mode.starts_with(kJoin)) break;
    donor = TRY(core.table.find(mode.substr(kJoin.size())));
  }
  return Error(Code::kInvalidArgument,
               cat("container ", donor->id,
                   ": non-shareable IPC (hint: use IpcMode:shareable for the donor container)"));
}

Result<Path> join_ipc(const Core& core, const std::string& reference) {
  return shm_of(core, TRY(find_donor(core, reference)));
}

}  // namespace

Result<std::string> choose_shm(const Core& core, const Container& container) {
  const ContainerInfo info = container.info();
  const std::string& mode = info.host_config.ipc_mode;
  if (mode.starts_with(kJoin)) {
    return TRY_CONTEXT(join_ipc(core, mode.substr(kJoin.size())), "failed to join IPC namespace")
        .native();
  }
  if (mode == "none") return std::string(runtime::kNoShm);
  if (shares_shm(info)) return container.paths.shm().native();
  if (mode != "host") return std::string();
  struct stat st{};
  if (::stat(kShm, &st) == 0) return std::string(kShm);
  return Error(Code::kFailedPrecondition, "/dev/shm is not mounted, but must be for --ipc=host");
}

std::optional<runtime::SharedMemory> own_shared_memory(const Core& core,
                                                       const Container& container) {
  const ContainerInfo info = container.info();
  if (!shares_shm(info)) return std::nullopt;
  runtime::SharedMemory shm{.path = container.paths.shm(), .bytes = info.host_config.shm_size};
  if (info.id_maps) {
    shm.uid = sys::outside_id(info.id_maps->uids, 0).value_or(0);
    shm.gid = sys::outside_id(info.id_maps->gids, 0).value_or(0);
  }
  if (core.labels.is_on()) shm.label = info.labels.mount;
  return shm;
}

}  // namespace skiff::engine
