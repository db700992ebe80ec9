// Programs of a foreign processor in one container: QEMU in a binfmt_misc of its own.
#pragma once

#include <string>

#include "runtime/container_spec.h"
#include "runtime/oci_config.h"
#include "sys/root_dir.h"

namespace skiff::runtime {

// `registration` is what sys::find_emulation() gives; "" changes nothing. The container gets a user
// namespace where it has none, in which all ids are the host's. kFailedPrecondition for one that is
// privileged or shares namespaces that such a one cannot.
Result<> emulate(ContainerSpec& spec, const std::string& registration);

// By the container's first process, while it still sees the host's QEMU.
Result<> register_emulation(const OciConfig& config, const sys::RootDir& root);

}  // namespace skiff::runtime
