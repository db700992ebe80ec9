// Values of a container's configuration that have a form of their own: addresses, variables,
// labels, kernel parameters.
#pragma once

#include "engine/container_config.h"

namespace skiff::engine {

// kInvalidArgument for what a start could only fail with, or would leave out in silence.
Result<> check_values(const ContainerConfig& config, const HostConfig& host);

}  // namespace skiff::engine
