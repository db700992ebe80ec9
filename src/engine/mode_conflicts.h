// Options that a container's namespaces leave no room for: its name, ports and addresses are those
// of whom it shares them with. `--network container:web -p 80:80` would publish nothing.
#pragma once

#include "engine/container_config.h"

namespace skiff::engine {

// Judges what the user asked for, before the image's configuration is merged into it.
Result<> check_mode_conflicts(const ContainerConfig& config, const HostConfig& host,
                              const NetworkingConfig& networking);

}  // namespace skiff::engine
