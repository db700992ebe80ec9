// Executor: runs the process of a RUN in a workspace: Docker's defaults of a container, the
// network, name resolution, and emulation of foreign processors.
#pragma once

#include "builder/mount_points.h"
#include "builder/vocabulary.h"
#include "builder/workspace.h"
#include "dockerfile/plan.h"

namespace skiff::builder {

// What the mounts of a RUN add to its container.
struct RunFiles {
  std::vector<runtime::BindMount> binds;
  std::vector<runtime::TmpfsMount> tmpfs;
  std::vector<MountPlace> places;  // of all of them
  std::vector<std::string> env;
  std::vector<std::string> secrets;  // which must not be seen in the output
};

struct RunSettings {
  std::string network;  // "bridge", "none", "host" or a name
  std::vector<std::string> extra_hosts;
  runtime::Limits limits;
  int64_t shm_bytes = 0;
  std::vector<runtime::Ulimit> ulimits;
  std::string cgroup_parent;  // "": the builder's
  std::string hostname;       // "": that of all steps
  RunFiles files;
};

// The exit code; `output` gets both streams. Whatever comes, no process, cgroup, endpoint or
// mount is left, and mount points that were not in the tree do not become part of its layer.
Result<int> run_in(Site& site, Workspace& space, const PlannedRun& run,
                   const oci::Platform& platform, const RunSettings& settings, Sink& output,
                   const CancelToken& cancel);

}  // namespace skiff::builder
