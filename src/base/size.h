// Sizes as people write them to the programs: "4m", "1.5 GiB", "10".
#pragma once

#include <cstdint>
#include <string_view>

#include "base/result.h"

namespace skiff {

// What a k is. Docker counts memory in powers of 1024 and the files of logs in powers of 1000.
enum class SizeUnits { kBinary, kDecimal };

// Bytes, by Docker's rules: a decimal number, then perhaps one space, then perhaps one of k, m, g,
// t and p, upper or lower case, alone or with b or ib; or b. What is left of a byte is cut off.
// kInvalidArgument ("invalid size: 'x'", "invalid suffix: 'x'") for anything else, and for what no
// int64_t holds.
Result<int64_t> parse_size(std::string_view text, SizeUnits units = SizeUnits::kBinary);

}  // namespace skiff
