// Which devices the processes of a version 2 cgroup may use: version 2 has no "devices"
// controller, a BPF program of type CGROUP_DEVICE answers for each mknod(2) and open(2) instead.
//
//   TRY(attach_device_filter(directory.get(), {{.allow = true, .type = 'c', .major = 1, .minor =
//   3}}));
#pragma once

#include <cstdint>
#include <span>

#include "base/result.h"

namespace skiff::sys {

enum DeviceAccess : uint32_t { kDeviceMknod = 1, kDeviceRead = 2, kDeviceWrite = 4 };

struct DeviceRule {
  bool allow = false;
  char type = 'a';     // 'c', 'b', or 'a' for both
  int64_t major = -1;  // -1: any
  int64_t minor = -1;
  uint32_t access = kDeviceMknod | kDeviceRead | kDeviceWrite;
};

// From now on a process in the cgroup may do with a device what the last rule that speaks of it
// allows; what no rule speaks of is refused. `directory` is the cgroup's. The filter lives as
// long as the cgroup does, and takes the place of those attached to it before.
Result<> attach_device_filter(int directory, std::span<const DeviceRule> rules);

}  // namespace skiff::sys
