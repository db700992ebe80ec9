#include "registry/precondition.h"

#include <algorithm>

#include "base/strings.h"

namespace skiff::registry {

namespace {

// The entity tag at the front of `rest`, which it leaves behind it.
bool take_entity_tag(std::string_view& rest, EntityTags& out) {
  const bool weak = rest.starts_with("W/");
  if (weak) rest.remove_prefix(2);
  if (!rest.starts_with('"')) return false;
  const size_t end = rest.find('"', 1);
  if (end == std::string_view::npos) return false;
  const std::string_view tag = rest.substr(1, end - 1);
  const bool printable = std::ranges::all_of(tag, [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte > 0x20 && byte != 0x7f;
  });
  if (!printable) return false;
  (weak ? out.weak : out.strong).emplace_back(tag);
  rest.remove_prefix(end + 1);
  return true;
}

bool contains(const std::vector<std::string>& tags, const std::string& digest) {
  return std::ranges::find(tags, digest) != tags.end();
}

}  // namespace

std::optional<EntityTags> parse_entity_tags(std::string_view field) {
  EntityTags out;
  std::string_view rest = trim(field);
  out.any = rest == "*";
  if (out.any) return out;
  bool separated = true;
  while (!rest.empty()) {
    // A list may have empty elements (RFC 9110, 5.6.1.2).
    if (rest.starts_with(',')) {
      separated = true;
      rest = trim(rest.substr(1));
      continue;
    }
    if (!separated || !take_entity_tag(rest, out)) return std::nullopt;
    separated = false;
    rest = trim(rest);
  }
  if (out.strong.empty() && out.weak.empty()) return std::nullopt;
  return out;
}

bool Precondition::holds(const std::optional<std::string>& current) const {
  if (match && (!current || (!match->any && !contains(match->strong, *current)))) return false;
  if (!none_match || !current) return true;
  return !none_match->any && !contains(none_match->strong, *current) &&
         !contains(none_match->weak, *current);
}

}  // namespace skiff::registry
