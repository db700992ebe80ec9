#include "cli/cache_places.h"

#include <map>

#include "base/strings.h"
#include "cli/option_values.h"
#include "codec/base64.h"
#include "codec/json.h"
#include "oci/reference.h"

namespace skiff::cli {

namespace {

struct Direction {
  std::string_view flag;
  std::string_view directory;  // what names it
  bool makes = false;
};

Result<std::map<std::string, std::string>> fields_of(const Direction& direction,
                                                     const std::string& text) {
  std::map<std::string, std::string> out;
  if (text.find('=') == std::string::npos) return {{{"type", "registry"}, {"ref", text}}};
  const std::string flag = cat("--", direction.flag);
  for (const std::string& field : split_fields(text)) {
    const auto parts = split_once(field, '=');
    if (!parts) return bad_flag(flag, text, cat("invalid field '", field, "'"));
    const std::string key = to_lower(parts->first);
    const bool known = key == "type" || key == "ref" || key == "tag" || key == "mode" ||
                       key == "mounts" || key == direction.directory;
    if (!known) return bad_flag(flag, text, cat("unexpected key '", key, "'"));
    out[key] = parts->second;
  }
  const auto mode = out.find("mode");
  if (mode != out.end() && mode->second != "max") {
    return bad_flag(flag, text, "all steps are exported: mode=max");
  }
  const auto mounts = out.find("mounts");
  if (mounts != out.end() && mounts->second != "all") {
    return bad_flag(flag, text, "mounts=all carries the caches of RUN --mount=type=cache");
  }
  return out;
}

Result<json::Value> place_of(Session& session, const Direction& direction, const std::string& text,
                             CachePlaces& out) {
  const std::string flag = cat("--", direction.flag);
  auto fields = TRY(fields_of(direction, text));
  if (fields["type"] == "registry") {
    auto name = oci::Reference::parse(fields["ref"]);
    if (!name) return bad_flag(flag, text, name.error().message());
    return json::object({{"ref", fields["ref"]}, {"mounts", fields.contains("mounts")}});
  }
  if (direction.makes && fields["type"] == "inline") return json::object({{"inline", true}});
  if (fields["type"] != "local") {
    return bad_flag(flag, text,
                    direction.makes ? "the types are inline, local and registry"
                                    : "the types are local and registry");
  }
  const Path directory = fields[std::string(direction.directory)];
  if (directory.empty()) return bad_flag(flag, text, cat(direction.directory, "=DIR is needed"));
  if (direction.makes) TRY(make_directories(directory, 0755));
  auto shared = share_directory(session, directory);
  if (!shared) {
    return Error(Code::kFailedPrecondition,
                 cat(flag, " ", text,
                     ": the engine cannot read the directory: it takes those of "
                     "root and of its own user on this machine alone"));
  }
  json::Value place =
      json::object({{"directory", shared->name}, {"mounts", fields.contains("mounts")}});
  if (fields.contains("tag")) place.set("tag", fields["tag"]);
  out.directories.push_back(std::move(*shared));
  return place;
}

}  // namespace

Result<CachePlaces> cache_places(Session& session, const Flags& flags) {
  CachePlaces out;
  json::Value all = json::object({});
  const std::pair<std::string_view, Direction> lists[] = {
      {"from", {"cache-from", "src"}},
      {"to", {.flag = "cache-to", .directory = "dest", .makes = true}}};
  for (const auto& [list, direction] : lists) {
    json::Array places;
    for (const std::string& text : flags.all(direction.flag)) {
      places.push_back(TRY(place_of(session, direction, text, out)));
    }
    all.set(list, json::Value(std::move(places)));
  }
  if (flags.has("cache-from") || flags.has("cache-to")) out.header = base64_encode(all.dump());
  return out;
}

}  // namespace skiff::cli
