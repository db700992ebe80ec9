// What is wrong with "linux.resources" can be told of many values before the first is written.
#pragma once

#include <optional>

#include "base/result.h"
#include "codec/json.h"

namespace skiff::runtime {

// An optional whole number. 2^64-1 in an unsigned field is "no limit", -1.
std::optional<int64_t> whole_number(const json::Value& object, const char* key);

// `v2`: for version 2 cgroups alone. kInvalidArgument or kUnimplemented names the first field that
// no kernel takes there.
Result<> check_limits(const json::Value& resources, bool v2);

}  // namespace skiff::runtime
