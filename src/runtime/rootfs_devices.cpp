#include "runtime/rootfs_devices.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/strings.h"
#include "runtime/rootfs_sources.h"
#include "sys/id_map.h"
#include "sys/mounts.h"

namespace skiff::runtime {

namespace {

struct Link {
  const char* name;
  const char* target;
};
constexpr Link kLinks[] = {{"/dev/fd", "/proc/self/fd"},
                           {"/dev/stdin", "/proc/self/fd/0"},
                           {"/dev/stdout", "/proc/self/fd/1"},
                           {"/dev/stderr", "/proc/self/fd/2"},
                           {"/dev/ptmx", "pts/ptmx"}};

Result<UniqueFd> open_place(const sys::Place& place) {
  UniqueFd fd(::openat(place.parent.get(), place.name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
  if (!fd) return Error::from_errno(errno, cat("open ", place.name));
  return fd;
}

bool is_device(const struct stat& st, const OciDevice& device) {
  return (st.st_mode & S_IFMT) == (device.mode & S_IFMT) &&
         (S_ISFIFO(device.mode) || st.st_rdev == device.number);
}

// As runc: what the image, a mount or an earlier entry has there already stays.
bool exists_already(const sys::Place& place) {
  struct stat st{};
  return ::fstatat(place.parent.get(), place.name.c_str(), &st, AT_SYMLINK_NOFOLLOW) == 0;
}

Result<> make_node(const sys::Place& place, const OciDevice& device) {
  if (::mknodat(place.parent.get(), place.name.c_str(), device.mode, device.number) != 0) {
    return Error::from_errno(errno, cat("mknod ", device.path));
  }
  if (device.uid == 0 && device.gid == 0) return {};
  if (::fchownat(place.parent.get(), place.name.c_str(), device.uid, device.gid,
                 AT_SYMLINK_NOFOLLOW) != 0) {
    return Error::from_errno(errno, cat("chown ", device.path));
  }
  return {};
}

Result<> attach_to_file(const sys::Place& place, int mount) {
  UniqueFd made(::openat(place.parent.get(), place.name.c_str(),
                         O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0644));
  if (!made && errno != EEXIST) return Error::from_errno(errno, cat("create ", place.name));
  made.reset();
  UniqueFd target = TRY(open_place(place));
  return sys::attach_mount(mount, target.get());
}

// In a user namespace nobody makes nodes.
Result<> bind_node(const sys::Place& place, const OciDevice& device) {
  UniqueFd node = TRY(sys::clone_mount(AT_FDCWD, device.path, false));
  struct stat st{};
  if (::fstat(node.get(), &st) != 0) return Error::from_errno(errno, cat("stat ", device.path));
  if (!is_device(st, device)) {
    return Error(Code::kFailedPrecondition, cat("the host's ", device.path, " is another file"));
  }
  return attach_to_file(place, node.get());
}

Result<> make_device(const sys::RootDir& root, const OciDevice& device) {
  sys::Place place = TRY(root.make_place(device.path));
  if (exists_already(place)) return {};
  Result<> made = make_node(place, device);
  if (made || made.error().sys_errno() != EPERM) return made;
  return bind_node(place, device);
}

// What has no mapping stays root's, as everything on the host that is not mapped: nobody's.
uint32_t outside(const std::vector<sys::IdMapping>& mappings, uint32_t id) {
  return sys::outside_id(mappings, id).value_or(0);
}

Result<> put_node(const sys::RootDir& root, const OciDevice& device, const UniqueFd& nodes,
                  size_t index) {
  const sys::Place place = TRY(root.make_place(device.path));
  if (exists_already(place)) return {};
  const UniqueFd node = TRY(sys::clone_mount(nodes.get(), cat(index), false));
  return attach_to_file(place, node.get()).context(device.path);
}

// They can be taken only from what is in the mount namespace: for that while their file system lies
// on the root, where no path of the root leads to it.
Result<> put_nodes(const sys::RootDir& root, const std::vector<OciDevice>& devices,
                   const UniqueFd& nodes) {
  TRY(sys::attach_mount(nodes.get(), root.fd()));
  for (size_t i = 0; i < devices.size(); ++i) TRY(put_node(root, devices[i], nodes, i));
  if (::fchdir(nodes.get()) != 0 || ::umount2(".", MNT_DETACH) != 0) {
    return Error::from_errno(errno, "take the devices' file system away");
  }
  return {};
}

Result<> make_link(const sys::RootDir& root, const Link& link) {
  sys::Place place = TRY(root.make_place(link.name));
  if (::symlinkat(link.target, place.parent.get(), place.name.c_str()) != 0 && errno != EEXIST) {
    return Error::from_errno(errno, cat("link ", link.name));
  }
  return {};
}

bool names(const std::vector<OciDevice>& devices, const std::string& path) {
  return std::any_of(devices.begin(), devices.end(),
                     [&](const OciDevice& device) { return device.path == path; });
}

}  // namespace

const std::vector<OciDevice>& default_devices() {
  static const std::vector<OciDevice> devices = [] {
    std::vector<OciDevice> made;
    auto add = [&](const char* path, unsigned major, unsigned minor) {
      made.push_back({path, S_IFCHR | 0666, makedev(major, minor), 0, 0});
    };
    add("/dev/null", 1, 3);
    add("/dev/zero", 1, 5);
    add("/dev/full", 1, 7);
    add("/dev/random", 1, 8);
    add("/dev/urandom", 1, 9);
    add("/dev/tty", 5, 0);
    return made;
  }();
  return devices;
}

bool binds_dev(const OciConfig& config) {
  return std::any_of(config.mounts.begin(), config.mounts.end(), [](const OciMount& mount) {
    return is_bind(mount) && (mount.destination == "/dev" || mount.destination == "/dev/");
  });
}

Result<UniqueFd> make_device_nodes(const OciConfig& config) {
  const bool in_new = config.has_new_namespace(CLONE_NEWUSER);
  if (config.devices.empty() || !in_new || binds_dev(config)) return UniqueFd();
  UniqueFd nodes = TRY(sys::new_filesystem({.type = "tmpfs",
                                            .source = "devices",
                                            .options = {{"mode", "711"}},
                                            .attributes = MOUNT_ATTR_NOSUID}));
  for (size_t i = 0; i < config.devices.size(); ++i) {
    const OciDevice& device = config.devices[i];
    const std::string name = cat(i);
    if (::mknodat(nodes.get(), name.c_str(), device.mode, device.number) != 0) {
      if (errno == EPERM) return UniqueFd();
      return Error::from_errno(errno, cat("mknod ", device.path));
    }
    // Whatever the creator's umask is.
    if (::fchownat(nodes.get(), name.c_str(), outside(config.uid_mappings, device.uid),
                   outside(config.gid_mappings, device.gid), AT_SYMLINK_NOFOLLOW) != 0 ||
        ::fchmodat(nodes.get(), name.c_str(), device.mode & 07777U, 0) != 0) {
      return Error::from_errno(errno, cat("give ", device.path, " its owner and mode"));
    }
  }
  return nodes;
}

Result<> make_devices(const sys::RootDir& root, const OciConfig& config, const UniqueFd& nodes) {
  for (const OciDevice& device : default_devices()) {
    if (!names(config.devices, device.path)) TRY(make_device(root, device));
  }
  if (nodes) {
    TRY(put_nodes(root, config.devices, nodes));
  } else {
    for (const OciDevice& device : config.devices) TRY(make_device(root, device));
  }
  for (const Link& link : kLinks) TRY(make_link(root, link));
  if (::access("/proc/kcore", F_OK) == 0) TRY(make_link(root, {"/dev/core", "/proc/kcore"}));
  return {};
}

Result<> make_console(const sys::RootDir& root, int slave) {
  UniqueFd mount = TRY_CONTEXT(sys::clone_mount(slave, "", false), "/dev/console");
  sys::Place place = TRY(root.make_place("/dev/console"));
  return attach_to_file(place, mount.get()).context("/dev/console");
}

}  // namespace skiff::runtime
