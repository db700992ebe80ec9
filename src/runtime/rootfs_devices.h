// /dev: the devices every container has, those of "linux.devices", and the usual links.
#pragma once

#include "runtime/oci_config.h"
#include "sys/root_dir.h"

namespace skiff::runtime {

// Called while the host's root is still the caller's: where a node may not be made, the
// host's is bound.
Result<> make_devices(const sys::RootDir& root, const OciConfig& config);

// Binds the terminal's slave onto /dev/console.
Result<> make_console(const sys::RootDir& root, int slave);

// The device nodes of make_devices that "linux.devices" does not name.
const std::vector<OciDevice>& default_devices();

}  // namespace skiff::runtime
