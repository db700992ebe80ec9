// The container's root file system, made by its first process in the new mount namespace:
// root, mounts, devices, /dev/console, read-only and masked paths, pivot_root.
//
// All lookups inside go through sys::RootDir; every mount is put onto a descriptor. So a
// symlink in the image leads nowhere but into the image.
#pragma once

#include <functional>

#include "runtime/rootfs_sources.h"
#include "sys/root_dir.h"

namespace skiff::runtime {

class Rootfs {
 public:
  // Puts the root in place: over the namespace's present one, or at its own path where hooks
  // are to see it there.
  static Result<Rootfs> attach(const OciConfig& config, RootfsSources& sources);

  const sys::RootDir& dir() const { return root_; }
  // For a mount of the container's tree, which only the creator may map: its place in
  // config.mounts and its descriptor.
  using MapIds = std::function<Result<>(size_t, int)>;
  // Mounts, devices, the working directory.
  Result<> populate(const MapIds& map_ids, std::vector<std::string>& warnings);
  // After populate: shields, and the root's own read-only flag.
  Result<> protect();
  // Makes it the calling process's root, and forgets the old one where the mount namespace is the
  // container's own; in another the root stays mounted (root_mount.h).
  Result<> enter(bool no_pivot);

 private:
  Result<> bind_from_root(size_t index, const MapIds& map_ids);

  Rootfs(const OciConfig& config, RootfsSources& sources, sys::RootDir root)
      : config_(config), sources_(sources), root_(std::move(root)) {}

  const OciConfig& config_;
  RootfsSources& sources_;
  sys::RootDir root_;
  std::vector<UniqueFd> late_readonly_;
};

}  // namespace skiff::runtime
