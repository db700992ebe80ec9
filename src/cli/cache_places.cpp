#include "cli/cache_places.h"

#include <unistd.h>

#include <map>

#include "base/strings.h"
#include "base/truth.h"
#include "cli/option_values.h"
#include "codec/base64.h"
#include "codec/compress_words.h"
#include "codec/json.h"
#include "oci/reference.h"

namespace skiff::cli {

namespace {

struct Direction {
  std::string_view flag;
  std::string_view directory;  // what names it
  bool makes = false;
};

// Of those that a cache has of each type; others are told by name.
bool is_known(const Direction& direction, const std::string& type, const std::string& key) {
  if (key == "type") return true;
  if (key == "mode" || (key == "ignore-error" && direction.makes)) return true;
  if (type == "inline") return false;
  if (key == "mounts") return true;
  if (direction.makes && is_compress_word(key)) return true;
  if (type == "registry") return key == "ref";
  return type != "local" || key == "tag" || key == direction.directory;
}

Result<std::map<std::string, std::string>> fields_of(const Direction& direction,
                                                     const std::string& text) {
  std::map<std::string, std::string> out;
  if (text.find('=') == std::string::npos) return {{{"type", "registry"}, {"ref", text}}};
  const std::string flag = cat("--", direction.flag);
  for (const std::string& field : TRY(split_fields(flag, text))) {
    const auto parts = split_once(field, '=');
    if (!parts) return bad_flag(flag, text, cat("invalid field '", field, "'"));
    const std::string key = to_lower(parts->first);
    out[key] = parts->second;
  }
  for (const auto& [key, value] : out) {
    if (!is_known(direction, out["type"], key)) {
      return bad_flag(flag, text, cat("unexpected key '", key, "' of type=", out["type"]));
    }
  }
  const auto mode = out.find("mode");
  if (mode != out.end() && mode->second != "max" && mode->second != "min") {
    return bad_flag(flag, text, "the modes are min and max");
  }
  // Stock clients take it there, and nothing comes of it: what is there is taken.
  if (mode != out.end() && !direction.makes) {
    print_error(cat("warning: ", flag, " ", text, ": mode is of no effect here\n"));
  }
  const auto ignore = out.find("ignore-error");
  if (ignore != out.end() && !parse_bool(ignore->second)) {
    return bad_flag(flag, text, "ignore-error is true or false");
  }
  if (auto words = read_compress_words(out); !words) {
    return bad_flag(flag, text, words.error().message());
  }
  const auto mounts = out.find("mounts");
  if (mounts != out.end() && mounts->second != "all") {
    return bad_flag(flag, text, "mounts=all carries the caches of RUN --mount=type=cache");
  }
  return out;
}

// What holds of a cache whatever its type is.
json::Value options_of(std::map<std::string, std::string>& fields) {
  std::map<std::string, std::string> compress = fields;
  std::erase_if(compress, [](const auto& field) { return !is_compress_word(field.first); });
  return json::object({{"compress", compress},
                       {"mounts", fields.contains("mounts")},
                       {"min", fields["mode"] == "min"},
                       {"ignoreError", parse_bool(fields["ignore-error"]).value_or(false)}});
}

// nullopt: there is nothing to take from, and the user is told.
Result<std::optional<json::Value>> place_of(Session& session, const Direction& direction,
                                            const std::string& text, CachePlaces& out) {
  const std::string flag = cat("--", direction.flag);
  auto fields = TRY(fields_of(direction, text));
  if (fields["type"] == "registry") {
    if (fields["ref"].empty()) return bad_flag(flag, text, "ref=NAME is needed");
    auto name = oci::Reference::parse(fields["ref"]);
    if (!name) return bad_flag(flag, text, name.error().message());
    json::Value place = options_of(fields);
    place.set("ref", fields["ref"]);
    return std::optional(std::move(place));
  }
  if (direction.makes && fields["type"] == "inline") {
    return std::optional(json::object({{"inline", true}}));
  }
  if (fields["type"] != "local") {
    return bad_flag(flag, text,
                    direction.makes ? "the types are inline, local and registry"
                                    : "the types are local and registry");
  }
  const Path directory = fields[std::string(direction.directory)];
  if (directory.empty()) return bad_flag(flag, text, cat(direction.directory, "=DIR is needed"));
  if (direction.makes) {
    TRY(make_directories(directory, 0755));
  } else if (::access(directory.c_str(), F_OK) != 0 && errno == ENOENT) {
    print_error(
        cat("warning: ", flag, " ", text, ": there is no such directory; building without it\n"));
    return std::optional<json::Value>();
  }
  auto shared = share_directory(session, directory);
  if (!shared) {
    return Error(Code::kFailedPrecondition,
                 cat(flag, " ", text,
                     ": the engine cannot read the directory: it takes those of "
                     "root and of its own user on this machine alone"));
  }
  json::Value place = options_of(fields);
  place.set("directory", shared->name);
  if (fields.contains("tag")) place.set("tag", fields["tag"]);
  out.directories.push_back(std::move(*shared));
  return std::optional(std::move(place));
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
      auto place = TRY(place_of(session, direction, text, out));
      if (place) places.push_back(std::move(*place));
    }
    all.set(list, json::Value(std::move(places)));
  }
  if (flags.has("cache-from") || flags.has("cache-to")) out.header = base64_encode(all.dump());
  return out;
}

}  // namespace skiff::cli
