#include "oci/manifest.h"

#include <algorithm>

#include "base/strings.h"

namespace skiff::oci {

namespace {

// Docker and BuildKit mark the attestations they put beside images with this.
constexpr std::string_view kReferenceType = "vnd.docker.reference.type";

Error bad_manifest(std::string_view place, std::string_view why) {
  return {Code::kInvalidArgument, cat(place, ": ", why)};
}

std::string at(std::string_view place, std::string_view key) {
  return place.empty() ? std::string(key) : cat(place, ".", key);
}

// type/subtype of RFC 6838. Clients that detect a file's type write its parameters, too
// ("text/plain; charset=utf-8"): they are bytes that can be printed, and mean nothing here.
bool valid_media_type(std::string_view text) {
  auto valid_name = [](std::string_view name) {
    return !name.empty() && name.size() <= 127 && std::ranges::all_of(name, [](char c) {
      return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
             std::string_view("!#$&-^_.+").find(c) != std::string_view::npos;
    });
  };
  const size_t end = std::min(text.find(';'), text.size());
  const bool printable =
      std::ranges::all_of(text.substr(end), [](char c) { return c >= ' ' && c <= '~'; });
  auto parts = split_once(text.substr(0, end), '/');
  return parts && valid_name(parts->first) && valid_name(parts->second) && printable;
}

Result<std::map<std::string, std::string>> read_annotations(const json::Value& v,
                                                            std::string_view place) {
  const json::Value* list = v.find("annotations");
  if (list == nullptr || list->is_null()) return std::map<std::string, std::string>();
  if (!list->is_object()) return bad_manifest(at(place, "annotations"), "must be an object");
  for (const auto& [key, value] : list->as_object()) {
    if (!value.is_string())
      return bad_manifest(at(place, cat("annotations.", key)), "must be a string");
  }
  return v.string_map("annotations");
}

Result<std::string> read_optional_string(const json::Value& v, std::string_view key,
                                         std::string_view place) {
  const json::Value* value = v.find(key);
  if (value == nullptr || value->is_null()) return std::string();
  if (!value->is_string()) return bad_manifest(at(place, key), "must be a string");
  return value->as_string();
}

Result<std::optional<Platform>> read_platform(const json::Value& v, std::string_view place) {
  const json::Value* platform = v.find("platform");
  if (platform == nullptr || platform->is_null()) return std::nullopt;
  if (!platform->is_object()) return bad_manifest(at(place, "platform"), "must be an object");
  for (std::string_view key : {"os", "architecture", "variant", "os.version"}) {
    TRY(read_optional_string(*platform, key, at(place, "platform")));
  }
  return Platform::from_json(*platform);
}

Result<std::vector<std::string>> read_urls(const json::Value& v, std::string_view place) {
  const json::Value* list = v.find("urls");
  if (list == nullptr || list->is_null()) return std::vector<std::string>();
  const bool good =
      list->is_array() && std::ranges::all_of(list->as_array(), &json::Value::is_string);
  if (!good) return bad_manifest(at(place, "urls"), "must be an array of strings");
  return v.strings("urls");
}

Result<Descriptor> read_descriptor(const json::Value& v, std::string_view place) {
  if (!v.is_object()) return bad_manifest(place, "must be a descriptor");
  Descriptor d;
  auto text = [&](std::string_view key) -> Result<std::string> {
    std::string value = TRY(read_optional_string(v, key, place));
    if (value.empty()) return bad_manifest(at(place, key), "missing");
    return value;
  };
  d.media_type = TRY(text("mediaType"));
  if (!valid_media_type(d.media_type)) {
    return bad_manifest(at(place, "mediaType"), cat("not a media type: ", quoted(d.media_type)));
  }
  const std::string digest = TRY(text("digest"));
  d.digest = TRY_CONTEXT(Digest::parse(digest), at(place, "digest"));
  const json::Value* size = v.find("size");
  if (size == nullptr || !size->is_int() || size->as_int() < 0) {
    return bad_manifest(at(place, "size"), "must be a whole number of bytes");
  }
  d.size = static_cast<uint64_t>(size->as_int());
  d.platform = TRY(read_platform(v, place));
  d.artifact_type = TRY(read_optional_string(v, "artifactType", place));
  d.annotations = TRY(read_annotations(v, place));
  d.urls = TRY(read_urls(v, place));
  return d;
}

Result<std::vector<Descriptor>> read_descriptors(const json::Value& v, std::string_view key) {
  const json::Value* list = v.find(key);
  if (list == nullptr) return bad_manifest(key, "missing");
  // Go writes an empty list that was never made as null.
  if (!list->is_array() && !list->is_null()) return bad_manifest(key, "must be an array");
  std::vector<Descriptor> out;
  for (const json::Value& item : list->as_array()) {
    out.push_back(TRY(read_descriptor(item, cat(key, "[", out.size(), "]"))));
  }
  return out;
}

Result<std::optional<Descriptor>> read_subject(const json::Value& v) {
  const json::Value* subject = v.find("subject");
  if (subject == nullptr || subject->is_null()) return std::nullopt;
  return TRY(read_descriptor(*subject, "subject"));
}

std::string implied_media_type(const json::Value& v) {
  if (std::string declared = v.string("mediaType"); !declared.empty()) return declared;
  if (v.has("config") && v.has("layers")) return std::string(kMediaTypeManifest);
  if (v.has("manifests")) return std::string(kMediaTypeIndex);
  return "";
}

// What manifests and indexes have in common: the version, one media type, one kind.
Result<std::string> check_document(const json::Value& v, std::string_view transport_type,
                                   bool (*is_kind)(std::string_view), std::string_view kind) {
  if (!v.is_object()) return Error(Code::kInvalidArgument, "must be an object");
  const json::Value* version = v.find("schemaVersion");
  if (version != nullptr && version->as_int() == 1) {
    return bad_manifest("schemaVersion",
                        "1 is not supported: push the image again with a newer client");
  }
  if (version == nullptr || version->as_int() != 2)
    return bad_manifest("schemaVersion", "must be 2");
  if (v.has("manifests") && (v.has("config") || v.has("layers"))) {
    return Error(Code::kInvalidArgument, "both a manifest and an index");
  }
  const std::string declared = TRY(read_optional_string(v, "mediaType", ""));
  if (!declared.empty() && !transport_type.empty() && declared != transport_type) {
    return bad_manifest("mediaType",
                        cat(quoted(declared), " was sent as ", quoted(transport_type)));
  }
  std::string type = declared.empty() && !transport_type.empty() ? std::string(transport_type)
                                                                 : implied_media_type(v);
  if (!is_kind(type)) return bad_manifest("mediaType", cat(quoted(type), " is no image ", kind));
  return type;
}

json::Value to_array(const std::vector<Descriptor>& descriptors) {
  json::Array out;
  for (const Descriptor& d : descriptors) out.push_back(d.to_json());
  return out;
}

Descriptor describe(std::string_view media_type, std::string_view raw,
                    std::string_view artifact_type) {
  Descriptor d;
  d.media_type = media_type;
  d.digest = Digest::of(raw);
  d.size = raw.size();
  d.artifact_type = artifact_type;
  return d;
}

Result<Manifest> read_manifest(const json::Value& v, std::string_view media_type) {
  Manifest m;
  m.media_type = TRY(check_document(v, media_type, is_manifest_type, "manifest"));
  const json::Value* config = v.find("config");
  if (config == nullptr) return bad_manifest("config", "missing");
  m.config = TRY(read_descriptor(*config, "config"));
  m.layers = TRY(read_descriptors(v, "layers"));
  m.artifact_type = TRY(read_optional_string(v, "artifactType", ""));
  m.subject = TRY(read_subject(v));
  m.annotations = TRY(read_annotations(v, ""));
  return m;
}

Result<Index> read_index(const json::Value& v, std::string_view media_type) {
  Index index;
  index.media_type = TRY(check_document(v, media_type, is_index_type, "index"));
  index.manifests = TRY(read_descriptors(v, "manifests"));
  index.artifact_type = TRY(read_optional_string(v, "artifactType", ""));
  index.subject = TRY(read_subject(v));
  index.annotations = TRY(read_annotations(v, ""));
  return index;
}

bool is_attestation(const Descriptor& d) {
  return d.annotations.contains(std::string(kReferenceType)) ||
         (d.platform && d.platform->os == "unknown");
}

}  // namespace

bool is_nondistributable_type(std::string_view media_type) {
  return media_type.find(".nondistributable.") != std::string_view::npos ||
         media_type.find(".foreign.") != std::string_view::npos;
}

bool is_manifest_type(std::string_view media_type) {
  return media_type == kMediaTypeManifest || media_type == kDockerManifest;
}

bool is_index_type(std::string_view media_type) {
  return media_type == kMediaTypeIndex || media_type == kDockerManifestList;
}

Result<Descriptor> Descriptor::from_json(const json::Value& v) { return read_descriptor(v, ""); }

json::Value Descriptor::to_json() const {
  json::Object out;
  out.set("mediaType", media_type);
  out.set("digest", digest.str());
  out.set("size", size);
  if (!urls.empty()) out.set("urls", urls);
  if (!annotations.empty()) out.set("annotations", annotations);
  if (platform) out.set("platform", platform->to_json());
  if (!artifact_type.empty()) out.set("artifactType", artifact_type);
  return out;
}

Result<Manifest> Manifest::parse(std::string_view bytes, std::string_view media_type) {
  json::Value v = TRY_CONTEXT(json::parse(bytes), "image manifest");
  Manifest m = TRY_CONTEXT(read_manifest(v, media_type), "image manifest");
  m.raw = bytes;
  return m;
}

Manifest Manifest::make(std::string_view media_type, Descriptor config,
                        std::vector<Descriptor> layers,
                        std::map<std::string, std::string> annotations) {
  Manifest m;
  m.media_type = media_type;
  m.config = std::move(config);
  m.layers = std::move(layers);
  m.annotations = std::move(annotations);
  json::Object out;
  out.set("schemaVersion", 2);
  out.set("mediaType", m.media_type);
  out.set("config", m.config.to_json());
  out.set("layers", to_array(m.layers));
  if (!m.annotations.empty()) out.set("annotations", m.annotations);
  m.raw = json::Value(std::move(out)).dump();
  return m;
}

Descriptor Manifest::descriptor() const { return describe(media_type, raw, artifact_type); }

Result<Index> Index::parse(std::string_view bytes, std::string_view media_type) {
  json::Value v = TRY_CONTEXT(json::parse(bytes), "image index");
  Index index = TRY_CONTEXT(read_index(v, media_type), "image index");
  index.raw = bytes;
  return index;
}

Index Index::make(std::string_view media_type, std::vector<Descriptor> manifests) {
  Index index;
  index.media_type = media_type;
  index.manifests = std::move(manifests);
  json::Object out;
  out.set("schemaVersion", 2);
  out.set("mediaType", index.media_type);
  out.set("manifests", to_array(index.manifests));
  index.raw = json::Value(std::move(out)).dump();
  return index;
}

Descriptor Index::descriptor() const { return describe(media_type, raw, artifact_type); }

const Descriptor* Index::choose(const Platform& wanted) const {
  const Descriptor* best = nullptr;
  std::optional<int> best_rank;
  const Descriptor* unnamed = nullptr;  // says no platform: better than nothing
  for (const Descriptor& d : manifests) {
    if (is_attestation(d)) continue;
    if (!d.platform) {
      if (unnamed == nullptr && d.artifact_type.empty()) unnamed = &d;
      continue;
    }
    auto rank = match_rank(wanted, *d.platform);
    if (!rank || (best_rank && *best_rank <= *rank)) continue;
    best = &d;
    best_rank = rank;
  }
  return best != nullptr ? best : unnamed;
}

std::string sniff_media_type(std::string_view bytes) {
  auto v = json::parse(bytes);
  return v ? implied_media_type(*v) : "";
}

}  // namespace skiff::oci
