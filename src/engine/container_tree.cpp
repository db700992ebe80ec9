#include "engine/container_tree.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>

#include <cerrno>
#include <thread>

#include "base/strings.h"

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

Result<> bind_into(const sys::RootDir& root, const MountPoint& mount) {
  std::error_code ec;
  if (!std::filesystem::exists(mount.source, ec)) return {};
  bool is_directory = std::filesystem::is_directory(mount.source, ec);
  UniqueFd target = TRY(open_target(root, mount.destination, is_directory));
  TRY(mount_call("bind", mount.source, sys::fd_path(target.get()), MS_BIND | MS_REC));
  if (mount.read_write) return {};
  // A new lookup sees the mount that now covers the target.
  UniqueFd mounted = TRY(root.open_at(mount.destination, O_PATH | O_CLOEXEC));
  return mount_call("bind read-only", mount.source, sys::fd_path(mounted.get()),
                    MS_BIND | MS_REMOUNT | MS_RDONLY);
}

Result<> run_in_tree(const TreeOptions& options,
                     const std::function<Result<>(const sys::RootDir& root)>& work) {
  TRY(enter_private_namespace());
  if (options.mount) {
    TRY(make_directories(options.rootfs));
    // Released at once: this mount ends with the namespace, and that with the thread.
    (void)TRY(snapshot::MountedSnapshot::mount(*options.mount, options.rootfs)).release();
  }
  // A bind of its own, so that the root can be made read-only without its volumes.
  std::string rootfs = options.rootfs.string();
  TRY(mount_call("bind", rootfs, rootfs, MS_BIND));
  sys::RootDir root = TRY(sys::RootDir::open(options.rootfs));
  for (const MountPoint& mount : options.mounts) TRY(bind_into(root, mount));
  if (options.read_only) {
    TRY(mount_call("bind read-only", rootfs, rootfs, MS_BIND | MS_REMOUNT | MS_RDONLY));
  }
  return work(root);
}

}  // namespace

Result<> with_container_tree(const TreeOptions& options,
                             const std::function<Result<>(const sys::RootDir& root)>& work) {
  Result<> result;
  std::thread([&] { result = run_in_tree(options, work); }).join();
  return result;
}

}  // namespace skiff::engine
