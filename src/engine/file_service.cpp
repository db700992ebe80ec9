#include "engine/file_service.h"

#include <fcntl.h>
#include <sys/statvfs.h>

#include "base/log.h"
#include "base/scope_exit.h"
#include "base/strings.h"
#include "codec/compress.h"
#include "engine/commit.h"
#include "engine/container_tree.h"
#include "engine/extract.h"
#include "engine/id_shift.h"
#include "engine/path_stat.h"
#include "engine/process_life.h"
#include "engine/spool.h"
#include "engine/tree.h"
#include "runtime/container_spec.h"

namespace skiff::engine {

namespace {

// An archive of no more than this is judged as a whole before anything of it is written.
constexpr uint64_t kJudgedBytes = uint64_t{256} << 20U;

using Work = std::function<Result<>(const sys::RootDir& root)>;

// The files that the runtime mounts over the container's own.
void add_network_files(const Container& container, std::vector<TreeMount>& mounts) {
  const std::pair<const char*, Path> files[] = {{"/etc/resolv.conf", container.paths.resolv_conf()},
                                                {"/etc/hostname", container.paths.hostname()},
                                                {"/etc/hosts", container.paths.hosts()}};
  for (const auto& [target, source] : files) {
    MountPoint mount;
    mount.source = source.string();
    mount.destination = target;
    mount.read_write = true;
    mounts.push_back({.point = std::move(mount), .map_ids = true});
  }
}

enum class Mounts { kAll, kNone };

Result<TreeOptions> tree_options(Core& core, const Container& container, Mounts which) {
  ContainerInfo info = container.info();
  Status status = info.state.status;
  if (status == Status::kRemoving || status == Status::kDead) {
    return Error(Code::kFailedPrecondition,
                 cat("container ", container.id, " is marked for removal"));
  }
  TreeOptions options;
  options.rootfs = container.paths.rootfs();
  options.read_only = info.host_config.readonly_rootfs;
  options.ids = TRY(core.userns.namespace_for(info.id_maps));
  if (which == Mounts::kNone) return options;
  for (MountPoint& mount : info.mounts) {
    const bool maps_ids = mount.type == MountType::kVolume && core.volumes.maps_ids(mount.name);
    options.mounts.push_back({.point = std::move(mount), .map_ids = maps_ids});
  }
  add_network_files(container, options.mounts);
  return options;
}

// A stopped container's tree: nobody may start it meanwhile.
Result<> in_stopped_tree(Core& core, Container& container, TreeOptions options, const Work& work) {
  options.find = [&] { return core.images.snapshots().mount_of(container.record().snapshot); };
  ScopeExit let_go([&] { let_go_volumes(core, container); });
  if (!options.mounts.empty()) TRY(hold_volumes(core, container));
  Result<> done = with_container_tree(options, work);
  if (Result<> removed = remove_tree(container.paths.run); !removed) {
    log_warn(removed.error().message());
  }
  return done;
}

// A running one is not held up: its tree is mounted once more, so it stays whatever happens.
Result<> in_tree(Core& core, Container& container, Mounts which, const Work& work) {
  for (;;) {
    TreeOptions options = TRY(tree_options(core, container, which));
    Monitor monitor = container.monitor();
    if (monitor == nullptr) {
      const auto operation = container.operate();
      if (container.monitor() != nullptr) continue;
      return in_stopped_tree(core, container, std::move(options), work);
    }
    bool began = false;
    Result<> done = with_container_tree(options, [&](const sys::RootDir& root) {
      began = true;
      return work(root);
    });
    // It ended before its tree was there to be seen.
    if (!began && container.monitor() != monitor) continue;
    return done;
  }
}

// Asked for inside of in_tree(): a start may change them.
IdShift ids_of(const Container& container) { return IdShift(container.info().id_maps); }

Error not_found(const std::string& path, const std::string& container) {
  return {Code::kNotFound, cat("Could not find the file ", path, " in container ", container)};
}

Result<PathStat> stat_or_not_found(const sys::RootDir& root, const Container& container,
                                   const std::string& reference, const std::string& path) {
  auto stat = stat_in_tree(root, container.paths.rootfs().string(), CpPath(path));
  bool missing =
      !stat && (stat.error().code() == Code::kNotFound || stat.error().sys_errno() == ENOTDIR);
  if (missing) return not_found(path, reference);
  return stat;
}

Result<> write_archive(const sys::RootDir& root, const std::string& path, Sink& sink,
                       const IdShift& ids, const CancelToken& cancel) {
  CpPath wanted(path);
  TarWriter tar(sink);
  if (wanted.follow) {
    UniqueFd target = TRY(root.open_at(wanted.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    TRY(write_tree(target.get(), ".", wanted.name, tar, ids, cancel));
  } else {
    sys::Place place = TRY(root.place_of(wanted.path));
    TRY(write_tree(place.parent.get(), place.name, wanted.name, tar, ids, cancel));
  }
  return tar.finish();
}

// The directory to extract into, which must be one, and writable.
Result<> check_target(const sys::RootDir& root, const std::string& path,
                      const std::string& reference) {
  auto target = root.open_at(path, O_PATH | O_CLOEXEC);
  if (!target) {
    bool missing = target.error().code() == Code::kNotFound;
    return missing ? not_found(path, reference) : std::move(target.error());
  }
  struct stat st{};
  struct statvfs fs{};
  struct stat top{};
  if (::fstat(target->get(), &st) != 0 || ::fstatvfs(target->get(), &fs) != 0 ||
      ::fstat(root.fd(), &top) != 0) {
    return Error::from_errno(errno, cat("stat ", path));
  }
  if (!S_ISDIR(st.st_mode)) {
    return Error(Code::kInvalidArgument, "extraction point is not a directory");
  }
  if ((fs.f_flag & ST_RDONLY) != 0) {
    return Error(Code::kPermissionDenied, st.st_dev == top.st_dev
                                              ? "container rootfs is marked read-only"
                                              : "mounted volume is marked read-only");
  }
  return {};
}

}  // namespace

Result<PathStat> FileService::stat_path(const std::string& reference, const std::string& path) {
  auto container = TRY(core_.table.find(reference));
  PathStat out;
  TRY(in_tree(core_, *container, Mounts::kAll, [&](const sys::RootDir& root) -> Result<> {
    out = TRY(stat_or_not_found(root, *container, reference, path));
    return {};
  }));
  return out;
}

Result<> FileService::get_archive(const std::string& reference, const std::string& path, Sink& tar,
                                  const std::function<Result<>(const PathStat&)>& begin,
                                  const CancelToken& cancel) {
  auto container = TRY(core_.table.find(reference));
  TRY(in_tree(core_, *container, Mounts::kAll, [&](const sys::RootDir& root) -> Result<> {
    PathStat stat = TRY(stat_or_not_found(root, *container, reference, path));
    TRY(begin(stat));
    return write_archive(root, path, tar, ids_of(*container), cancel);
  }));
  core_.publish(*container, "archive-path");
  return {};
}

Result<> FileService::put_archive(const std::string& reference, const std::string& path,
                                  Source& tar, const ArchivePutOptions& options) {
  auto container = TRY(core_.table.find(reference));
  TRY(in_tree(core_, *container, Mounts::kAll, [&](const sys::RootDir& root) -> Result<> {
    TRY(check_target(root, path, reference));
    ExtractOptions extract{.ids = ids_of(*container)};
    extract.refuse_type_change = options.no_overwrite_dir_non_dir;
    if (options.copy_uid_gid) {
      auto user =
          TRY(runtime::resolve_user(container->paths.rootfs(), container->info().config.run.user));
      extract.owner = std::pair(user.uid, user.gid);
    }
    auto plain = TRY(open_decompressed(tar));
    Spool spool = TRY(Spool::make(core_.options.root, *plain, kJudgedBytes));
    Result<> judged = check_archive(root, path, spool, extract);
    if (!judged && !spool.is_full()) return judged;
    TRY(spool.rewind());
    return extract_tree(root, path, spool, extract);
  }));
  core_.publish(*container, "extract-to-dir");
  return {};
}

Result<std::vector<snapshot::Change>> FileService::changes(const std::string& reference) {
  auto container = TRY(core_.table.find(reference));
  return core_.images.snapshots().changes(container->record().snapshot);
}

Result<> FileService::export_tree(const std::string& reference, Sink& sink,
                                  const CancelToken& cancel) {
  auto container = TRY(core_.table.find(reference));
  TRY(in_tree(core_, *container, Mounts::kNone, [&](const sys::RootDir& root) -> Result<> {
    TarWriter tar(sink);
    TRY(write_contents(root.fd(), "", tar, ids_of(*container), cancel));
    return tar.finish();
  }));
  core_.publish(*container, "export");
  return {};
}

Result<std::string> FileService::commit(const std::string& reference, const CommitOptions& options,
                                        const CancelToken& cancel) {
  return commit_container(core_, *TRY(core_.table.find(reference)), options, cancel);
}

}  // namespace skiff::engine
