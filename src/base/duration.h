// Lengths of time as people write them to the programs: "1m30s", "500ms", "1.5h", "0".
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace skiff {

// Nanoseconds, by Go's rules for durations; nullopt for anything else, for what is below zero, and
// for what no int64_t holds.
std::optional<int64_t> parse_duration(std::string_view text);

}  // namespace skiff
