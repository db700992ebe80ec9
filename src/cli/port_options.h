// Ports: --publish and --expose.
#pragma once

#include "cli/flags.h"
#include "codec/json.h"

namespace skiff::cli {

// Sets ExposedPorts in `config` and PortBindings in `host`.
Result<> add_ports(const Flags& flags, json::Value& config, json::Value& host);

}  // namespace skiff::cli
