// The subordinate ids of the caller, and what newuidmap and newgidmap are told of them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "sys/subordinate_ids.h"

namespace skiff::rootless {

struct SubordinateIds {
  std::string user;  // its name; its number where it has none
  std::vector<sys::IdRange> uids;
  std::vector<sys::IdRange> gids;
};
// Of the caller. An empty list is no error here.
Result<SubordinateIds> own_subordinate_ids();
// The command that grants some, for `user`.
std::string grant_command(std::string_view user);

// "0 1000 1 1 100000 65536": inside, root is the user, the rest the subordinate ids.
std::vector<std::string> map_arguments(uint32_t own, const std::vector<sys::IdRange>& ranges);

}  // namespace skiff::rootless
