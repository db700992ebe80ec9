#include "runtime/rootfs.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/strings.h"
#include "runtime/diagnostics.h"
#include "runtime/rootfs_devices.h"
#include "runtime/rootfs_mounts.h"
#include "runtime/rootfs_shields.h"
#include "sys/mounts.h"
#include "sys/namespaces.h"

namespace skiff::runtime {

namespace {

Result<sys::MountChange> propagation_of(const OciConfig& config) {
  const std::string& wanted = config.rootfs_propagation;
  if (wanted.empty()) return sys::MountChange{.propagation = MS_PRIVATE, .recursive = true};
  sys::MountOption option = sys::parse_mount_option(wanted);
  if (option.change.propagation == 0) {
    return Error(Code::kInvalidArgument,
                 cat("linux.rootfsPropagation ", quoted(wanted), " is unknown"));
  }
  return option.change;
}

// No mount of ours may show outside, whatever the root's propagation is to be in the end; a
// slave still hears of the host's.
sys::MountChange quiet(const sys::MountChange& wanted) {
  sys::MountChange change{.propagation = MS_PRIVATE, .recursive = true};
  if (wanted.propagation == MS_SLAVE) change.propagation = MS_SLAVE;
  return change;
}

bool has_own_mounts(const OciConfig& config) { return config.has_new_namespace(CLONE_NEWNS); }

Result<> make_host_private() {
  if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) {
    return Error::from_errno(errno, "make the mount namespace private");
  }
  return {};
}

// Docker makes the working directory; what cannot be made is reported by the chdir to it.
void make_working_directory(const sys::RootDir& root, const OciConfig& config) {
  if (!config.process || config.process->cwd == "/") return;
  [[maybe_unused]] auto made = root.make_directories(config.process->cwd);
}

// Over the host's own root, so that no path leads out even before pivot_root. Hooks that come
// before it are promised the host's tree with the root at its own path.
Result<UniqueFd> place_of_root(const OciConfig& config) {
  if (!has_own_mounts(config)) return open_file(config.root, O_PATH | O_DIRECTORY);
  const OciHooks& hooks = config.hooks;
  bool seen =
      !hooks.prestart.empty() || !hooks.create_runtime.empty() || !hooks.create_container.empty();
  if (seen) {
    Result<UniqueFd> own = open_file(config.root, O_PATH | O_DIRECTORY);
    // A user namespace's root may not be permitted on the way to it.
    if (own || own.error().code() != Code::kPermissionDenied) return own;
  }
  return open_file("/", O_PATH | O_DIRECTORY);
}

}  // namespace

Result<Rootfs> Rootfs::attach(const OciConfig& config, RootfsSources& sources) {
  // A namespace that others are in stays as it is, but for the root at its path.
  if (has_own_mounts(config)) TRY(make_host_private());
  sys::MountChange propagation = quiet(TRY(propagation_of(config)));
  TRY_CONTEXT(sys::change_mount(sources.root.get(), propagation), "root file system");
  UniqueFd place = TRY_CONTEXT(place_of_root(config), "root file system");
  TRY_CONTEXT(sys::attach_mount(sources.root.get(), place.get()), "root file system");
  // What is put onto a shared mount becomes shared itself.
  TRY_CONTEXT(sys::change_mount(sources.root.get(), propagation), "root file system");
  sys::RootDir root = TRY(sys::RootDir::from_fd(std::move(sources.root)));
  return Rootfs(config, sources, std::move(root));
}

Result<> Rootfs::populate(const MapIds& map_ids, std::vector<std::string>& warnings) {
  const bool flags_hold =
      config_.find_namespace(CLONE_NEWUSER) != nullptr || sys::in_user_namespace();
  MountWork work{root_, sources_.cgroups, late_readonly_, warnings, flags_hold};
  for (size_t i = 0; i < config_.mounts.size(); ++i) {
    const OciMount& mount = config_.mounts[i];
    BindSource& bind = sources_.binds.at(i);
    if (!bind.in_root.empty()) TRY_CONTEXT(bind_from_root(i, map_ids), describe(mount));
    if (debugging()) debug(cat("mount ", mount.type, " at ", mount.destination));
    TRY_CONTEXT(make_mount(work, mount, bind.mount), describe(mount));
  }
  if (!binds_dev(config_)) TRY(make_devices(root_, config_, sources_.device_nodes));
  make_working_directory(root_, config_);
  return {};
}

Result<> Rootfs::bind_from_root(size_t index, const MapIds& map_ids) {
  const OciMount& mount = config_.mounts[index];
  BindSource& bind = sources_.binds[index];
  UniqueFd source = TRY(root_.open_at(bind.in_root, source_flags(mount)));
  bind.mount = TRY(clone_bind(mount, source));
  return is_mapped(mount) ? map_ids(index, bind.mount.get()) : Result<>{};
}

Result<> Rootfs::protect() {
  for (const std::string& path : config_.readonly_paths) TRY(make_path_readonly(root_, path));
  UniqueFd empty;
  for (const std::string& path : config_.masked_paths) {
    TRY(mask_path(root_, path, config_.mount_label, empty));
  }
  for (const UniqueFd& mount : late_readonly_) {
    TRY(sys::change_mount(mount.get(), {.set = MOUNT_ATTR_RDONLY}));
  }
  if (config_.root_readonly) {
    TRY_CONTEXT(sys::change_mount(root_.fd(), {.set = MOUNT_ATTR_RDONLY}),
                "make the root file system read-only");
  }
  return {};
}

Result<> Rootfs::enter(bool no_pivot) {
  sys::MountChange propagation = TRY(propagation_of(config_));
  if (::fchdir(root_.fd()) != 0) return Error::from_errno(errno, "enter the root file system");
  if (no_pivot || !has_own_mounts(config_)) {
    // The host's mounts stay in the namespace, under the root. With one of these in full view a
    // user namespace in the container could mount another, without what is masked.
    if (has_own_mounts(config_)) sys::unmount_kernel_views(config_.root);
    if (::chroot(".") != 0) return Error::from_errno(errno, "chroot");
  } else {
    // The old root ends up on top of the new one, from where it is taken off.
    if (::syscall(SYS_pivot_root, ".", ".") != 0) return Error::from_errno(errno, "pivot_root");
    if (::umount2(".", MNT_DETACH) != 0) return Error::from_errno(errno, "detach the old root");
  }
  if (::chdir("/") != 0) return Error::from_errno(errno, "chdir /");
  // Without a wish the root is private already, and a mount what its own options say.
  if (config_.rootfs_propagation.empty()) return {};
  return sys::change_mount(root_.fd(), propagation).context("linux.rootfsPropagation");
}

}  // namespace skiff::runtime
