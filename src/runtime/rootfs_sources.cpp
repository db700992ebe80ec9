#include "runtime/rootfs_sources.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>

#include "base/strings.h"
#include "runtime/rootfs_devices.h"
#include "sys/mounts.h"
#include "sys/user_namespace.h"

namespace skiff::runtime {

namespace {

bool any_option(const OciMount& mount, bool sys::MountOption::* which) {
  return std::any_of(mount.options.begin(), mount.options.end(), [&](const std::string& option) {
    return sys::parse_mount_option(option).*which;
  });
}

Result<BindSource> bind_source(const OciMount& mount, const OciConfig& config, const Path& bundle) {
  if (mount.source.empty()) return Error(Code::kInvalidArgument, "a bind mount has no source");
  Path path = mount.source.starts_with('/') ? Path(mount.source) : bundle / mount.source;
  BindSource made;
  if (auto inside = config.path_in_root(path)) {
    made.in_root = *inside;
    return made;
  }
  UniqueFd source = TRY(open_file(path, source_flags(mount)));
  made.mount = TRY(clone_bind(mount, source));
  if (is_mapped(mount)) TRY(map_ids(made.mount, mount, config));
  return made;
}

Result<std::vector<CgroupView>> clone_cgroups(const sys::Cgroup& cgroup) {
  std::vector<CgroupView> views;
  for (const sys::Cgroup::Member& member : cgroup.members()) {
    CgroupView view;
    view.name = cgroup.v2() ? "" : member.mount.filename().native();
    view.controllers = member.controllers;
    view.mount = TRY(sys::clone_mount(AT_FDCWD, member.directory.native(), false));
    views.push_back(std::move(view));
  }
  return views;
}

}  // namespace

std::vector<int> RootfsSources::descriptors() const {
  std::vector<int> fds;
  if (root) fds.push_back(root.get());
  for (const BindSource& bind : binds) {
    if (bind.mount) fds.push_back(bind.mount.get());
  }
  for (const CgroupView& view : cgroups) fds.push_back(view.mount.get());
  if (device_nodes) fds.push_back(device_nodes.get());
  return fds;
}

std::string describe(const OciMount& mount) {
  return cat("error mounting ", quoted(mount.source), " to rootfs at ", quoted(mount.destination));
}

bool has_word(const OciMount& mount, std::string_view word) {
  return std::find(mount.options.begin(), mount.options.end(), word) != mount.options.end();
}

int source_flags(const OciMount& mount) {
  const bool link_itself = has_word(mount, "src-nofollow") || has_word(mount, "copy-symlink");
  return link_itself ? O_PATH | O_NOFOLLOW : O_PATH;
}

bool is_bind(const OciMount& mount) {
  return mount.type == "bind" || any_option(mount, &sys::MountOption::bind);
}

bool is_cgroup(const OciMount& mount) {
  return !is_bind(mount) && (mount.type == "cgroup" || mount.type == "cgroup2");
}

bool is_mapped(const OciMount& mount) {
  return !mount.uid_mappings.empty() || !mount.gid_mappings.empty() ||
         any_option(mount, &sys::MountOption::id_mapped);
}

Result<UniqueFd> clone_bind(const OciMount& mount, const UniqueFd& source) {
  bool recursive = any_option(mount, &sys::MountOption::recursive_bind);
  return sys::clone_mount(source.get(), "", recursive);
}

// By the mount's own mapping, else the container's.
Result<> map_ids(const UniqueFd& cloned, const OciMount& mount, const OciConfig& config) {
  const bool recursive = any_option(mount, &sys::MountOption::recursively_mapped);
  const auto map_by = [&](sys::IdMaps maps) -> Result<> {
    const auto ids = TRY(sys::UserNamespace::make(std::move(maps)));
    return sys::map_mount_ids(cloned.get(), ids->fd(), recursive);
  };
  if (mount.uid_mappings.empty() != mount.gid_mappings.empty()) {
    return Error(Code::kInvalidArgument, "an id-mapped mount needs uidMappings and gidMappings");
  }
  if (!mount.uid_mappings.empty()) return map_by({mount.uid_mappings, mount.gid_mappings});
  const OciNamespace* user = config.find_namespace(CLONE_NEWUSER);
  if (user == nullptr) {
    return Error(Code::kInvalidArgument,
                 "an id-mapped mount without mappings needs a container with a user namespace");
  }
  if (user->path.empty()) return map_by({config.uid_mappings, config.gid_mappings});
  const UniqueFd joined = TRY(sys::open_namespace(user->path, *user->kind));
  return sys::map_mount_ids(cloned.get(), joined.get(), recursive);
}

Result<UniqueFd> open_root(const OciConfig& config) {
  struct stat st{};
  if (::stat(config.root.c_str(), &st) != 0) {
    return Error::from_errno(errno, cat("root file system ", config.root.native()));
  }
  if (!S_ISDIR(st.st_mode)) {
    return Error::from_errno(ENOTDIR, cat("root file system ", config.root.native()));
  }
  return sys::clone_mount(AT_FDCWD, config.root.native(), true);
}

Result<RootfsSources> open_rootfs_sources(const OciConfig& config, const Path& bundle,
                                          const sys::Cgroup& cgroup) {
  RootfsSources sources;
  for (const OciMount& mount : config.mounts) {
    if (is_mapped(mount) && !is_bind(mount)) {
      return Error(Code::kInvalidArgument,
                   cat("mount at ", mount.destination, ": only bind mounts can be id-mapped"));
    }
    BindSource bind;
    if (is_bind(mount)) bind = TRY_CONTEXT(bind_source(mount, config, bundle), describe(mount));
    sources.binds.push_back(std::move(bind));
    if (is_cgroup(mount) && sources.cgroups.empty()) sources.cgroups = TRY(clone_cgroups(cgroup));
  }
  sources.device_nodes = TRY(make_device_nodes(config));
  return sources;
}

}  // namespace skiff::runtime
