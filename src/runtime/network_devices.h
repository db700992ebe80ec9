// "linux.netDevices": interfaces of the host that become a container's (config-linux.md, Network
// Devices).
#pragma once

#include <vector>

#include "runtime/oci_config.h"

namespace skiff::runtime {

// Moves them from the caller's network namespace into `netns`, under their new names, and brings
// them up. What the kernel drops on the way, their permanent addresses of global scope, they
// get back; MTU and hardware address they keep. Those of one that fails stay in `netns`.
Result<> move_network_devices(const std::vector<OciNetDevice>& devices, int netns);

}  // namespace skiff::runtime
