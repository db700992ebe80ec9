// What is wrong with "linux.resources" can be told of many values before the first is written.
#pragma once

#include "base/result.h"
#include "codec/json.h"

namespace skiff::runtime {

// `v2`: for version 2 cgroups alone. kInvalidArgument or kUnimplemented names the first field that
// no kernel takes there.
Result<> check_limits(const json::Value& resources, bool v2);

}  // namespace skiff::runtime
