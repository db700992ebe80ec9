// "linux.resources" written to a container's cgroup, for versions 1 and 2.
#pragma once

#include "codec/json.h"
#include "sys/cgroup.h"

namespace skiff::runtime {

// Writes what is there and leaves the rest alone. Limits of a controller the host does not
// have are errors that name it.
Result<> apply_resources(const sys::Cgroup& cgroup, const json::Value& resources);

// The same for a container that runs: where the kernel refuses a limit, those that were written
// before it are as they were. What a device was given (block IO, RDMA) and "unified" stay.
Result<> change_resources(const sys::Cgroup& cgroup, const json::Value& resources);

}  // namespace skiff::runtime
