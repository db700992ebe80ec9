#include "base/size.h"

#include <algorithm>
#include <limits>

#include "base/strings.h"

namespace skiff {

Result<uint64_t> parse_size(std::string_view text) {
  const size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
  const auto number = parse_uint(text.substr(0, digits));
  std::string unit = to_lower(text.substr(digits));
  if (unit.ends_with('b')) unit.pop_back();
  const uint64_t scale = unit.empty()  ? 1
                         : unit == "k" ? 1U << 10U
                         : unit == "m" ? 1U << 20U
                         : unit == "g" ? 1U << 30U
                                       : 0;
  if (!number || scale == 0 || *number > std::numeric_limits<uint64_t>::max() / scale) {
    return Error(Code::kInvalidArgument, cat("invalid size: ", quoted(text)));
  }
  return *number * scale;
}

}  // namespace skiff
