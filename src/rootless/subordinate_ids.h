// The ids that /etc/subuid and /etc/subgid grant to a user (subuid(5)), and what newuidmap and
// newgidmap are told of them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace skiff::rootless {

struct IdRange {
  uint32_t first = 0;
  uint32_t count = 0;
  bool operator==(const IdRange&) const = default;
};

// Those that `text` (of /etc/subuid) grants to `user`, by name or by number, in its order.
std::vector<IdRange> ranges_of(std::string_view text, std::string_view user, uint32_t uid);

struct SubordinateIds {
  std::string user;  // its name; its number where it has none
  std::vector<IdRange> uids;
  std::vector<IdRange> gids;
};
// Of the caller. An empty list is no error here.
Result<SubordinateIds> own_subordinate_ids();
// The command that grants some, for `user`.
std::string grant_command(std::string_view user);

// "0 1000 1 1 100000 65536": inside, root is the user, the rest the subordinate ids.
std::vector<std::string> map_arguments(uint32_t own, const std::vector<IdRange>& ranges);

}  // namespace skiff::rootless
