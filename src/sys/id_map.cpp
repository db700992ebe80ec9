#include "sys/id_map.h"

#include "base/strings.h"

namespace skiff::sys {

std::optional<uint32_t> outside_id(const std::vector<IdMapping>& mappings, uint32_t inside) {
  for (const IdMapping& m : mappings) {
    if (inside >= m.inside && inside - m.inside < m.size) return m.outside + (inside - m.inside);
  }
  return std::nullopt;
}

uint32_t inside_id(const std::vector<IdMapping>& mappings, uint32_t outside) {
  for (const IdMapping& m : mappings) {
    if (outside >= m.outside && outside - m.outside < m.size) {
      return m.inside + (outside - m.outside);
    }
  }
  return kUnmappedId;
}

std::vector<IdMapping> map_from_zero(const std::vector<IdRange>& ranges) {
  std::vector<IdMapping> mappings;
  uint32_t inside = 0;
  for (const IdRange& range : ranges) {
    mappings.push_back({.inside = inside, .outside = range.first, .size = range.count});
    inside += range.count;
  }
  return mappings;
}

std::string mapping_text(const std::vector<IdMapping>& mappings) {
  std::string text;
  for (const IdMapping& m : mappings) {
    text += cat(m.inside, " ", m.outside, " ", m.size, "\n");
  }
  return text;
}

}  // namespace skiff::sys
