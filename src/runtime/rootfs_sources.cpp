#include "runtime/rootfs_sources.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>

#include "base/strings.h"
#include "sys/mounts.h"

namespace skiff::runtime {

namespace {

Result<UniqueFd> clone_root(const OciConfig& config) {
  struct stat st{};
  if (::stat(config.root.c_str(), &st) != 0) {
    return Error::from_errno(errno, cat("root file system ", config.root.native()));
  }
  if (!S_ISDIR(st.st_mode)) {
    return Error::from_errno(ENOTDIR, cat("root file system ", config.root.native()));
  }
  return sys::clone_mount(AT_FDCWD, config.root.native(), true);
}

Result<UniqueFd> clone_bind(const OciMount& mount, const Path& bundle) {
  if (mount.source.empty()) {
    return Error(Code::kInvalidArgument,
                 cat("bind mount at ", mount.destination, " has no source"));
  }
  bool recursive = std::any_of(
      mount.options.begin(), mount.options.end(),
      [](const std::string& option) { return sys::parse_mount_option(option).recursive_bind; });
  Path source = mount.source.starts_with('/') ? Path(mount.source) : bundle / mount.source;
  return sys::clone_mount(AT_FDCWD, source.native(), recursive)
      .context(cat("error mounting ", quoted(mount.source), " to rootfs at ",
                   quoted(mount.destination)));
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
  std::vector<int> fds{root.get()};
  for (const UniqueFd& bind : binds) {
    if (bind) fds.push_back(bind.get());
  }
  for (const CgroupView& view : cgroups) fds.push_back(view.mount.get());
  return fds;
}

bool is_bind(const OciMount& mount) {
  return mount.type == "bind" ||
         std::any_of(mount.options.begin(), mount.options.end(), [](const std::string& option) {
           return sys::parse_mount_option(option).bind;
         });
}

bool is_cgroup(const OciMount& mount) {
  return !is_bind(mount) && (mount.type == "cgroup" || mount.type == "cgroup2");
}

Result<RootfsSources> open_rootfs_sources(const OciConfig& config, const Path& bundle,
                                          const sys::Cgroup& cgroup) {
  RootfsSources sources;
  sources.root = TRY(clone_root(config));
  for (const OciMount& mount : config.mounts) {
    sources.binds.push_back(is_bind(mount) ? TRY(clone_bind(mount, bundle)) : UniqueFd());
    if (is_cgroup(mount) && sources.cgroups.empty()) sources.cgroups = TRY(clone_cgroups(cgroup));
  }
  return sources;
}

}  // namespace skiff::runtime
