// A cgroup given to the container, which may divide it: version 2.
#pragma once

#include "runtime/oci_config.h"
#include "sys/cgroup.h"

namespace skiff::runtime {

// Where the container has a cgroup namespace of its own and a cgroup mount that it may write to,
// the cgroup and the files that the kernel says go with it belong to the user of its process.
// Nothing is done on version 1, which delegates nothing, nor by an ordinary user.
Result<> delegate_cgroup(const sys::Cgroup& cgroup, const OciConfig& config);

}  // namespace skiff::runtime
