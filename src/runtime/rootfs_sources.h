// What a container's root file system is made of and lies outside it: opened by the creator,
// with the host's eyes, as detached mounts; the container's process only puts them in place
// and never resolves a path of the host. A bind mount's source that lies in the root itself is
// opened when its turn comes: in the container's tree, with the mounts before it.
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

struct BindSource {
  UniqueFd mount;       // from outside the root
  std::string in_root;  // its path in the root otherwise
};

struct RootfsSources {
  UniqueFd root;
  std::vector<BindSource> binds;  // by the mount's place in config.mounts
  std::vector<CgroupView> cgroups;
  UniqueFd device_nodes;  // make_device_nodes()

  std::vector<int> descriptors() const;
};

// For errors: which one it is.
std::string describe(const OciMount& mount);
bool has_word(const OciMount& mount, std::string_view word);
bool is_bind(const OciMount& mount);
bool is_cgroup(const OciMount& mount);

bool is_mapped(const OciMount& mount);

// How open(2) takes the bind mount's source.
int source_flags(const OciMount& mount);
// A detached mount of the bind mount's opened source.
Result<UniqueFd> clone_bind(const OciMount& mount, const UniqueFd& source);
// For the creator, whom the file system obeys: gives the detached mount its mapping.
Result<> map_ids(const UniqueFd& cloned, const OciMount& mount, const OciConfig& config);

Result<UniqueFd> open_root(const OciConfig& config);
// All but the root.
Result<RootfsSources> open_rootfs_sources(const OciConfig& config, const Path& bundle,
                                          const sys::Cgroup& cgroup);

}  // namespace skiff::runtime
