// A container's file tree seen from outside, with its volumes and binds in place.
//
// The work runs on a thread with a mount namespace of its own: nothing that is mounted for
// it is seen by the host or outlives it, and nothing of the container's own view (its /proc,
// a chroot, a mount it made) is trusted.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "base/file.h"
#include "engine/container_info.h"
#include "snapshot/snapshotter.h"
#include "sys/root_dir.h"
#include "sys/user_namespace.h"

namespace skiff::engine {

// A bind or volume; `map_ids` as in runtime::BindMount.
struct TreeMount {
  MountPoint point;
  bool map_ids = false;
};

struct TreeOptions {
  Path rootfs;                           // where the root is, or will be, mounted
  snapshot::MountedSnapshot::Find find;  // how to mount it there; null: it is mounted
  std::vector<TreeMount> mounts;         // to put in place
  // The container's user namespace: owners are seen as in it, from outside, and what the work makes
  // is its root's. Null: the host's.
  std::shared_ptr<const sys::UserNamespace> ids;
  bool read_only = false;  // the root; volumes have their own setting
};

Result<> with_container_tree(const TreeOptions& options,
                             const std::function<Result<>(const sys::RootDir& root)>& work);

}  // namespace skiff::engine
