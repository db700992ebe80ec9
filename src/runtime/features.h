// What this runtime supports (OCI runtime-spec features.md).
#pragma once

#include "codec/json.h"

namespace skiff::runtime {

json::Value runtime_features();

}  // namespace skiff::runtime
