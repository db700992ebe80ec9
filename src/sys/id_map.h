// Ids inside a user namespace, and what they are outside of it.
//
//   IdMaps maps{.uids = {{0, 100000, 65536}}, .gids = {{0, 100000, 65536}}};
//   outside_id(maps.uids, 1000);   // 101000
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sys/subordinate_ids.h"

namespace skiff::sys {

// `size` ids from `inside` on are those from `outside` on.
struct IdMapping {
  uint32_t inside = 0;
  uint32_t outside = 0;
  uint32_t size = 0;
  bool operator==(const IdMapping&) const = default;
};

struct IdMaps {
  std::vector<IdMapping> uids;
  std::vector<IdMapping> gids;
  bool operator==(const IdMaps&) const = default;
};

// What the kernel shows of an id that has no mapping (/proc/sys/kernel/overflowuid).
inline constexpr uint32_t kUnmappedId = 65534;

// nullopt for an id without a mapping.
std::optional<uint32_t> outside_id(const std::vector<IdMapping>& mappings, uint32_t inside);
std::optional<uint32_t> inside_id(const std::vector<IdMapping>& mappings, uint32_t outside);

// The ranges one after the other, from id 0 on.
std::vector<IdMapping> map_from_zero(const std::vector<IdRange>& ranges);

// "inside outside size" lines, as /proc/PID/uid_map takes them.
std::string mapping_text(const std::vector<IdMapping>& mappings);
// The other way; lines of another form are passed over.
std::vector<IdMapping> parse_mapping_text(std::string_view text);

}  // namespace skiff::sys
