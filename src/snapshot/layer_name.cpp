#include "snapshot/layer_name.h"

#include <algorithm>
#include <climits>
#include <limits>
#include <vector>

#include "base/strings.h"
#include "snapshot/overlay_format.h"

namespace skiff::snapshot {

namespace {

bool has_component_from(std::string_view path, std::string_view prefix) {
  return path.starts_with(prefix) || path.find(cat("/", prefix)) != std::string_view::npos;
}

}  // namespace

std::string LayerName::path() const { return parent.empty() ? base : cat(parent, "/", base); }

Result<LayerName> parse_link_target(const std::string& target) {
  if (target.find('\0') != std::string::npos) return invalid_argument("the name holds a NUL byte");
  // No path of that length can be used, and each of its directories costs a call on the stack.
  if (target.size() >= PATH_MAX) return invalid_argument("the name is too long");
  LayerName name;
  std::string_view rest = target;
  while (!rest.empty()) {
    const size_t slash = rest.find('/');
    const std::string_view part = rest.substr(0, slash);
    rest = slash == std::string_view::npos ? std::string_view() : rest.substr(slash + 1);
    if (part.empty() || part == ".") continue;
    if (part == "..") return invalid_argument("the name leaves the layer");
    if (!name.parent.empty()) name.parent.push_back('/');
    name.parent.append(name.base);
    name.base = part;
  }
  return name;
}

Result<LayerName> parse_layer_name(const std::string& text) {
  LayerName name = TRY(parse_link_target(text));
  if (text.find(kWhiteoutPrefix) == std::string::npos) return name;
  if (has_component_from(text, kAufsPrefix) && name.base != kOpaqueMarker) {
    name.kind = LayerName::Kind::kIgnored;
    return name;
  }
  if (has_component_from(name.parent, kWhiteoutPrefix)) {
    return invalid_argument("a name beneath a whiteout");
  }
  if (name.base == kOpaqueMarker) {
    name.kind = LayerName::Kind::kOpaque;
    name.base.clear();
  } else if (name.base.starts_with(kWhiteoutPrefix)) {
    name.kind = LayerName::Kind::kWhiteout;
    name.base.erase(0, kWhiteoutPrefix.size());
    if (name.base.empty() || name.base == "." || name.base == "..") {
      return invalid_argument("a whiteout of no name");
    }
  }
  return name;
}

Result<std::pair<uid_t, gid_t>> layer_owner(const TarEntry& entry) {
  // The highest number means "unchanged" to chown.
  constexpr uint64_t kHighest = std::numeric_limits<uid_t>::max() - 1;
  if (entry.uid > kHighest || entry.gid > kHighest) {
    return invalid_argument(cat("owner ", entry.uid, ":", entry.gid, " is out of range"));
  }
  return std::pair(static_cast<uid_t>(entry.uid), static_cast<gid_t>(entry.gid));
}

}  // namespace skiff::snapshot
