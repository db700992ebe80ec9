// Sizes as people write them to the programs: "4m", "10GB".
#pragma once

#include <cstdint>
#include <string_view>

#include "base/result.h"

namespace skiff {

// Bytes: digits and, upper or lower case, nothing, k, m or g (of 1024), each with or without a b.
// kInvalidArgument for anything else, and for what no number holds.
Result<uint64_t> parse_size(std::string_view text);

}  // namespace skiff
