// What of a container comes from outside and CRIU puts in its place by name: bind mounts, cgroups,
// masked files. The images keep where each is, for the restore.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/file.h"
#include "runtime/criu_rpc.h"
#include "runtime/oci_config.h"
#include "runtime/rootfs_sources.h"
#include "sys/cgroup.h"
#include "sys/root_dir.h"

namespace skiff::runtime {

struct ExternalMounts {
  // Of each mount of the config by its destination: where that is, symbolic links resolved.
  std::map<std::string, std::string> places;
  // The masked paths that are files: the host's /dev/null is mounted there. A masked directory is a
  // tmpfs, which CRIU keeps itself.
  std::vector<std::string> masked;

  // As the running container's root has them.
  static ExternalMounts of(const OciConfig& config, const sys::RootDir& root);
  static Result<ExternalMounts> read(const Path& images);
  Result<> write(const Path& images) const;

  CriuOptions for_dump(const OciConfig& config, const sys::Cgroup& cgroup) const;
  // With what is to stand there.
  CriuOptions for_restore(const OciConfig& config, const sys::Cgroup& cgroup,
                          const Path& bundle) const;
};

// Makes the mount points that `root` lacks, also those that lie in bind mounts: CRIU makes none.
// For a process in a mount namespace of its own, whose mounts are as before when it is done.
Result<> make_mount_points(const OciConfig& config, RootfsSources& sources,
                           const sys::RootDir& root);

}  // namespace skiff::runtime
