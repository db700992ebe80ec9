#include "sys/id_map.h"

#include "base/strings.h"

namespace skiff::sys {

std::optional<uint32_t> outside_id(const std::vector<IdMapping>& mappings, uint32_t inside) {
  for (const IdMapping& m : mappings) {
    if (inside >= m.inside && inside - m.inside < m.size) return m.outside + (inside - m.inside);
  }
  return std::nullopt;
}

std::optional<uint32_t> inside_id(const std::vector<IdMapping>& mappings, uint32_t outside) {
  for (const IdMapping& m : mappings) {
    if (outside >= m.outside && outside - m.outside < m.size) {
      return m.inside + (outside - m.outside);
    }
  }
  return std::nullopt;
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

std::vector<IdMapping> parse_mapping_text(std::string_view text) {
  std::vector<IdMapping> mappings;
  for (const std::string& line : split(text, '\n')) {
    std::vector<std::string> fields = split(line, ' ');
    std::erase(fields, "");
    if (fields.size() != 3) continue;
    const auto inside = parse_uint(fields[0]);
    const auto outside = parse_uint(fields[1]);
    const auto size = parse_uint(fields[2]);
    if (!inside || !outside || !size) continue;
    mappings.push_back({.inside = static_cast<uint32_t>(*inside),
                        .outside = static_cast<uint32_t>(*outside),
                        .size = static_cast<uint32_t>(*size)});
  }
  return mappings;
}

}  // namespace skiff::sys
