#include "runtime/cgroup_conversions.h"

#include <algorithm>
#include <cmath>

namespace skiff::runtime {

std::optional<int64_t> whole_number(const json::Value& object, const char* key) {
  const json::Value* value = object.find(key);
  if (value == nullptr || !value->is_number()) return std::nullopt;
  return value->is_int() ? value->as_int() : -1;
}

uint64_t cpu_weight(int64_t shares) {
  if (shares < 0 || shares >= 262'144) return 10'000;
  if (shares <= 2) return 1;
  // The curve through the least, the usual and the greatest value of both.
  const double magnitude = std::log2(static_cast<double>(shares));
  const double exponent = (magnitude * magnitude + 125 * magnitude) / 612.0 - 7.0 / 34.0;
  return static_cast<uint64_t>(std::ceil(std::pow(10, exponent)));
}

uint64_t io_weight(int64_t weight) {
  const int64_t bounded = std::clamp<int64_t>(weight, 10, 1000);
  return static_cast<uint64_t>(1 + (bounded - 10) * 9999 / 990);
}

Result<std::optional<int64_t>> swap_alone(int64_t memory, int64_t memory_and_swap) {
  if (memory < 0 && memory_and_swap == 0) return std::optional<int64_t>(-1);
  if (memory_and_swap == 0) return std::optional<int64_t>();
  if (memory_and_swap < 0 || memory < 0) return std::optional(memory_and_swap);
  if (memory == 0) {
    return Error(Code::kInvalidArgument, "unable to set swap limit without memory limit");
  }
  if (memory_and_swap < memory) {
    return Error(Code::kInvalidArgument, "memory+swap limit should be >= memory limit");
  }
  return std::optional(memory_and_swap - memory);
}

}  // namespace skiff::runtime
