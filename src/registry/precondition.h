// Precondition: what must be there before a write takes place (RFC 9110, 13.1.1 If-Match and
// 13.1.2 If-None-Match). Entity tags here are digests.
//
//   Precondition condition{.match = parse_entity_tags("\"sha256:ab..\"")};
//   condition.holds("sha256:ab..");   // true
//   condition.holds(std::nullopt);    // false: there is nothing
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace skiff::registry {

struct EntityTags {
  bool any = false;  // "*": whatever there is
  std::vector<std::string> strong;
  std::vector<std::string> weak;  // W/"..."
};

// Of a field's value: "*", or a list. nullopt for anything else.
std::optional<EntityTags> parse_entity_tags(std::string_view field);

struct Precondition {
  std::optional<EntityTags> match;
  std::optional<EntityTags> none_match;

  // `current` is the digest of what is there; nullopt for nothing. A weak tag never matches for
  // `match`, and matches as a strong one does for `none_match`.
  bool holds(const std::optional<std::string>& current) const;
};

}  // namespace skiff::registry
