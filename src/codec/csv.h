// One line of comma-separated values, as Go's encoding/csv reads it: what docker and BuildKit take
// their flags apart with.
//
//   parse_csv("a=1,\"b=2,3\"")    a=1 and b=2,3
//   parse_csv("a=\"1\"")          parse error on line 1, column 3: bare " in non-quoted field
//
// "" is one empty field. In quotes, a quote is written twice.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace skiff {

Result<std::vector<std::string>> parse_csv(std::string_view line);

}  // namespace skiff
