// The config.json that `spec` writes.
#pragma once

#include "codec/json.h"

namespace skiff::runtime {

json::Value example_config(bool rootless);

}  // namespace skiff::runtime
