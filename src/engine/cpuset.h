// --cpuset-cpus and --cpuset-mems: whether this machine has what they name.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string_view>

#include "engine/container_config.h"

namespace skiff::engine {

// "0-2,7" as numbers (cpuset(7), list format); nullopt for another text.
std::optional<std::set<uint64_t>> parse_number_list(std::string_view text);

// kInvalidArgument names what was asked for and what is available to the daemon.
Result<> check_cpuset(const Resources& resources);

}  // namespace skiff::engine
