// MountPlan: which mounts a container gets, from `-v`, `--mount`, `--tmpfs`, `--volumes-from`
// and the image's VOLUMEs, in Docker's order of precedence.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "engine/container_info.h"
#include "engine/volumes.h"

namespace skiff::engine {

// One mount; for volumes, whether the image's content is copied in at first use.
struct PlannedMount {
  MountPoint point;
  bool copy_up = false;
  bool make_source = false;  // a bind whose missing source becomes a directory
  VolumeRequest volume;      // the volume to create; its name is "" for an anonymous one
};

// The mounts of another container, by reference, for --volumes-from.
using MountsOf = std::function<Result<std::vector<MountPoint>>(const std::string& container)>;

// Decides; creates nothing. Errors carry Docker's texts (kInvalidArgument).
Result<std::vector<PlannedMount>> plan_mounts(const ContainerConfig& config, const HostConfig& host,
                                              const MountsOf& mounts_of);

// One `-v` value: "name:/p", "/host:/p:ro,rshared".
Result<PlannedMount> parse_bind(const std::string& text);

}  // namespace skiff::engine
