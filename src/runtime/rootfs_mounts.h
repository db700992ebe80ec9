// One entry of "mounts", made in the container's root.
#pragma once

#include "runtime/rootfs_sources.h"
#include "sys/root_dir.h"

namespace skiff::runtime {

// What the mounts of one root share.
struct MountWork {
  const sys::RootDir& root;
  std::vector<CgroupView>& cgroups;
  std::vector<UniqueFd>& late_readonly;  // what must stay writable until the end of the set-up
  std::vector<std::string>& warnings;
  bool flags_hold = false;  // bind_attributes()
};

// Where a mount is put, made where it is missing: a directory, and for a bind mount whose detached
// `source` is a file, a file.
Result<UniqueFd> directory_target(const sys::RootDir& root, const std::string& path);
Result<UniqueFd> bind_target(const sys::RootDir& root, const OciMount& mount,
                             const UniqueFd& source);

// `bind` is the detached source of a bind mount.
Result<> make_mount(const MountWork& work, const OciMount& mount, const UniqueFd& bind);

}  // namespace skiff::runtime
