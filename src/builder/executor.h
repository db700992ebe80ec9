// Executor: runs the process of a RUN in a workspace: Docker's defaults of a container, the
// network, name resolution, and emulation of foreign processors.
#pragma once

#include "builder/plan.h"
#include "builder/workspace.h"

namespace skiff::builder {

struct RunSettings {
  std::string network;  // "bridge", "none", "host" or a name
  std::vector<std::string> extra_hosts;
  runtime::Limits limits;
  int64_t shm_bytes = 0;
  std::vector<runtime::Ulimit> ulimits;
};

// The exit code; `output` gets both streams. Whatever comes, no process, cgroup, endpoint or
// mount is left, and mount points that were not in the tree do not become part of its layer.
Result<int> run_in(Site& site, Workspace& space, const PlannedRun& run,
                   const oci::Platform& platform, const RunSettings& settings, Sink& output,
                   const CancelToken& cancel);

}  // namespace skiff::builder
