// The host's device nodes, as "linux.devices" of a privileged container.
#pragma once

#include "codec/json.h"

namespace skiff::runtime {

json::Array host_devices();

}  // namespace skiff::runtime
