// /dev: the devices every container has, those of "linux.devices", and the usual links.
#pragma once

#include "runtime/oci_config.h"
#include "sys/root_dir.h"

namespace skiff::runtime {

// Whether all of /dev is a directory of the host's: then nothing is made in it.
bool binds_dev(const OciConfig& config);

// For the creator: a detached file system with "linux.devices" as nodes "0", "1" and so on, whose
// modes and owners are the config's, where the container's process is one that makes no nodes: in a
// new user namespace. None where the creator may not make them either. An owner that is not mapped
// is nobody there.
Result<UniqueFd> make_device_nodes(const OciConfig& config);

// Called while the host's root is still the caller's: where a node may not be made, that of
// `nodes` is bound, or where there are none the host's.
Result<> make_devices(const sys::RootDir& root, const OciConfig& config, const UniqueFd& nodes);

// Binds the terminal's slave onto /dev/console.
Result<> make_console(const sys::RootDir& root, int slave);

// The device nodes of make_devices that "linux.devices" does not name.
const std::vector<OciDevice>& default_devices();

}  // namespace skiff::runtime
