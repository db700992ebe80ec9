// Truth values as Go's strconv.ParseBool reads them, and with it Docker's flags and options.
#pragma once

#include <array>
#include <optional>
#include <string_view>

namespace skiff {

inline std::optional<bool> parse_bool(std::string_view text) {
  for (std::string_view yes : std::array{"1", "t", "T", "true", "True", "TRUE"}) {
    if (text == yes) return true;
  }
  for (std::string_view no : std::array{"0", "f", "F", "false", "False", "FALSE"}) {
    if (text == no) return false;
  }
  return std::nullopt;
}

}  // namespace skiff
