// Why a process of the runtime's own died before its container's program began: its cgroup's limit.
#pragma once

#include "base/result.h"
#include "sys/cgroup.h"

namespace skiff::runtime {

// `error`, and where the kernel has killed processes of the cgroup for want of memory that, with
// the limit and what is used.
Error with_memory_kills(Error error, const sys::Cgroup& cgroup);

}  // namespace skiff::runtime
