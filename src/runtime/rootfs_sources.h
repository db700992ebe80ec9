// What a container's root file system is made of and lies outside it: opened by the creator,
// with the host's eyes, as detached mounts; the container's process only puts them in place
// and never resolves a path of the host.
#pragma once

#include <string>
#include <vector>

#include "base/unique_fd.h"
#include "runtime/oci_config.h"
#include "sys/cgroup.h"

namespace skiff::runtime {

struct CgroupView {
  std::string name;  // of the directory below /sys/fs/cgroup; "" on a version 2 host
  std::vector<std::string> controllers;
  UniqueFd mount;  // of the container's own cgroup
};

struct RootfsSources {
  UniqueFd root;
  std::vector<UniqueFd> binds;  // by the mount's place in config.mounts; none for other types
  std::vector<CgroupView> cgroups;

  std::vector<int> descriptors() const;
};

bool has_word(const OciMount& mount, std::string_view word);
bool is_bind(const OciMount& mount);
bool is_cgroup(const OciMount& mount);

Result<RootfsSources> open_rootfs_sources(const OciConfig& config, const Path& bundle,
                                          const sys::Cgroup& cgroup);

}  // namespace skiff::runtime
