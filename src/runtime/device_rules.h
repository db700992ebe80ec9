// Which devices a container may use: "linux.resources.devices".
#pragma once

#include "codec/json.h"
#include "sys/cgroup.h"

namespace skiff::runtime {

// The rules in their order, the last that speaks of a device decides; after them the devices
// that every container has, and nothing else. Through the version 1 controller where the host
// has it, else by a filter on the version 2 cgroup. No list, no rules.
Result<> apply_device_rules(const sys::Cgroup& cgroup, const json::Value& resources);
// For a new container: where no rules are given, all else is denied, as by runc.
json::Value with_device_rules(json::Value resources);

}  // namespace skiff::runtime
