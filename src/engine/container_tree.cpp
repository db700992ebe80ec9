#include "engine/container_tree.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>

#include <cerrno>
#include <thread>

#include "base/strings.h"
#include "sys/mounts.h"

namespace skiff::engine {

namespace {

Result<> mount_call(const char* what, const std::string& source, const std::string& target,
                    unsigned long flags) {
  if (::mount(source.c_str(), target.c_str(), nullptr, flags, nullptr) == 0) return {};
  return Error::from_errno(errno, cat(what, " ", source));
}

Result<> enter_private_namespace() {
  if (::unshare(CLONE_NEWNS) != 0) return Error::from_errno(errno, "make a mount namespace");
  return mount_call("make private", "none", "/", MS_REC | MS_PRIVATE);
}

// The mount's target, made where it is missing: a directory, or a file for a file's bind.
Result<UniqueFd> open_target(const sys::RootDir& root, const std::string& target,
                             bool is_directory) {
  auto found = root.open_at(target, O_PATH | O_CLOEXEC);
  if (found || found.error().code() != Code::kNotFound) return found;
  if (is_directory) {
    TRY(root.make_directories(target));
    return root.open_at(target, O_PATH | O_CLOEXEC);
  }
  sys::Place place = TRY(root.make_place(target));
  UniqueFd made(::openat(place.parent.get(), place.name.c_str(),
                         O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644));
  if (!made) return Error::from_errno(errno, cat("create ", target));
  return root.open_at(target, O_PATH | O_CLOEXEC);
}

Result<> bind_into(const sys::RootDir& root, const TreeMount& wanted,
                   const sys::UserNamespace* ids) {
  const MountPoint& mount = wanted.point;
  std::error_code ec;
  if (!std::filesystem::exists(mount.source, ec)) return {};
  bool is_directory = std::filesystem::is_directory(mount.source, ec);
  const UniqueFd source = TRY(sys::clone_mount(AT_FDCWD, mount.source, true));
  if (wanted.map_ids && ids != nullptr) {
    TRY_CONTEXT(sys::map_mount_ids(source.get(), ids->fd(), false), mount.source);
  }
  if (!mount.read_write) TRY(sys::change_mount(source.get(), {.set = MOUNT_ATTR_RDONLY}));
  UniqueFd target = TRY(open_target(root, mount.destination, is_directory));
  return sys::attach_mount(source.get(), target.get()).context(cat("bind ", mount.source));
}

using Work = std::function<Result<>(const sys::RootDir& root)>;

// `mount` is how to mount the root, which `is_mounted` then.
Result<> run_in_tree(const TreeOptions& options, const std::optional<snapshot::Mount>& mount,
                     bool& is_mounted, const Work& work) {
  TRY(enter_private_namespace());
  if (mount) {
    TRY(make_directories(options.rootfs));
    // Released at once: this mount ends with the namespace, and that with the thread.
    (void)TRY(snapshot::MountedSnapshot::mount(*mount, options.rootfs)).release();
  }
  is_mounted = true;
  // A bind of its own, so that the root can be made read-only without its volumes.
  std::string rootfs = options.rootfs.string();
  TRY(mount_call("bind", rootfs, rootfs, MS_BIND));
  sys::RootDir root = TRY(sys::RootDir::open(options.rootfs));
  if (options.ids) TRY(sys::make_files_as_root_of(options.ids->maps()));
  for (const TreeMount& each : options.mounts) TRY(bind_into(root, each, options.ids.get()));
  if (options.read_only) {
    TRY(mount_call("bind read-only", rootfs, rootfs, MS_BIND | MS_REMOUNT | MS_RDONLY));
  }
  return work(root);
}

}  // namespace

Result<> with_container_tree(const TreeOptions& options,
                             const std::function<Result<>(const sys::RootDir& root)>& work) {
  for (int attempt = 1;; ++attempt) {
    std::optional<snapshot::Mount> mount;
    // Here: layers that it mounts are to be seen by all.
    if (options.find) {
      mount = TRY(options.find());
      mount->ids = options.ids;
    }
    Result<> result;
    bool is_mounted = false;
    std::thread([&] { result = run_in_tree(options, mount, is_mounted, work); }).join();
    const bool is_final = result || is_mounted || result.error().code() != Code::kNotFound;
    if (is_final || attempt == snapshot::MountedSnapshot::kAttempts) return result;
  }
}

}  // namespace skiff::engine
