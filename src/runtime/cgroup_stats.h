// What a container has used, in the form of runc's events.
#pragma once

#include "codec/json.h"
#include "sys/cgroup.h"

namespace skiff::runtime {

json::Value cgroup_stats(const sys::Cgroup& cgroup);

}  // namespace skiff::runtime
