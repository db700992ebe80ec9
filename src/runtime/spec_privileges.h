// The capabilities and rlimits of a ContainerSpec, as config.json has them.
#pragma once

#include "codec/json.h"
#include "runtime/container_spec.h"
#include "sys/capabilities.h"

namespace skiff::runtime {

// Docker's defaults with what is added and dropped; all where the container is privileged.
Result<sys::CapabilityMask> wanted_capabilities(const ContainerSpec& spec);
json::Value capability_sets(sys::CapabilityMask mask, uint32_t uid);
Result<json::Value> make_rlimits(const ContainerSpec& spec);

}  // namespace skiff::runtime
