// What limits in the words of version 1 cgroups are in those of version 2; the values of runc 1.3
// and crun 1.28.
#pragma once

#include <cstdint>
#include <optional>

#include "base/result.h"
#include "codec/json.h"

namespace skiff::runtime {

// An optional whole number of "linux.resources". What is beyond 2^63 in an unsigned field is "no
// limit", -1.
std::optional<int64_t> whole_number(const json::Value& object, const char* key);
// cpu.weight of cpu.shares: 1 of 2, 100 of the usual 1024, 10000 of 262144.
uint64_t cpu_weight(int64_t shares);
// io.weight, 1 to 10000, of a block IO weight, 10 to 1000.
uint64_t io_weight(int64_t weight);
// memory.swap.max of a limit of memory and one of both together. 0 is a limit that is not set, one
// below it none; nothing: it stays as it is.
Result<std::optional<int64_t>> swap_alone(int64_t memory, int64_t memory_and_swap);

}  // namespace skiff::runtime
