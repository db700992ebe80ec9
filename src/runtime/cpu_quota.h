// The CPU quota of linux.resources: how much of a period a container may run.
#pragma once

#include "codec/json.h"
#include "sys/cgroup.h"

namespace skiff::runtime {

// The CPU time a second, in microseconds, in whole hundredths as systemd counts it. A period of 0
// is the usual one.
int64_t cpu_time_per_second(int64_t quota, int64_t period);
// With a quota that is such a time, so that the cgroup and systemd have the same.
json::Value with_whole_percents(json::Value resources);
// Of quota and period the one that is not given is as the cgroup has it: the two are set together.
json::Value with_present_quota(const sys::Cgroup& cgroup, json::Value resources);

}  // namespace skiff::runtime
