#include "registry/manifest_document.h"

#include <span>

#include "base/strings.h"
#include "codec/json_keys.h"
#include "oci/manifest.h"

namespace skiff::registry {

namespace {

Answer<NewManifest> read_image(std::string_view bytes, const std::string& media_type,
                               NewManifest out) {
  Result<oci::Manifest> manifest = oci::Manifest::parse(bytes, media_type);
  if (!manifest) return Refusal(kManifestInvalid, manifest.error().message());
  out.artifact_type =
      manifest->artifact_type.empty() ? manifest->config.media_type : manifest->artifact_type;
  out.annotations = std::move(manifest->annotations);
  if (manifest->subject) out.subject = manifest->subject->digest;
  out.references.push_back(
      {.digest = manifest->config.digest, .size = manifest->config.size, .place = "config"});
  for (const oci::Descriptor& layer : manifest->layers) {
    out.references.push_back({.digest = layer.digest,
                              .size = layer.size,
                              .optional = oci::is_nondistributable_type(layer.media_type),
                              .spared = true,
                              .place = cat("layers[", out.references.size() - 1, "]")});
  }
  return out;
}

Answer<NewManifest> read_index(std::string_view bytes, const std::string& media_type,
                               NewManifest out) {
  Result<oci::Index> index = oci::Index::parse(bytes, media_type);
  if (!index) return Refusal(kManifestInvalid, index.error().message());
  out.artifact_type = std::move(index->artifact_type);
  out.annotations = std::move(index->annotations);
  if (index->subject) out.subject = index->subject->digest;
  for (const oci::Descriptor& entry : index->manifests) {
    out.references.push_back({.digest = entry.digest,
                              .size = entry.size,
                              .media_type = entry.media_type,
                              .manifest = true,
                              .spared = true,
                              .place = cat("manifests[", out.references.size(), "]")});
  }
  return out;
}

constexpr std::string_view kDocumentKeys[] = {"schemaVersion", "mediaType",  "artifactType",
                                              "config",        "layers",     "manifests",
                                              "subject",       "annotations"};
constexpr std::string_view kDescriptorKeys[] = {
    "mediaType", "digest", "size", "urls", "annotations", "data", "artifactType", "platform"};
constexpr std::string_view kPlatformKeys[] = {"architecture", "os",      "os.version",
                                              "os.features",  "variant", "features"};

// Keys of annotations are anybody's.
std::span<const std::string_view> known_keys(std::string_view parent) {
  if (parent.empty()) return kDocumentKeys;
  if (parent == "platform") return kPlatformKeys;
  const bool is_descriptor =
      parent == "config" || parent == "layers" || parent == "manifests" || parent == "subject";
  return is_descriptor ? std::span<const std::string_view>(kDescriptorKeys)
                       : std::span<const std::string_view>();
}

// As Go's encoding/json compares keys: also U+017F is an s, and U+212A a k.
std::string folded(std::string_view key) {
  return to_lower(replace_all(replace_all(key, "\xC5\xBF", "s"), "\xE2\x84\xAA", "k"));
}

// The known key that others take this one for; "" for none.
std::string_view taken_for(const json::Key& key) {
  for (const std::string_view known : known_keys(key.parent)) {
    if (key.name == known) return "";
  }
  const std::string like = folded(key.name);
  for (const std::string_view known : known_keys(key.parent)) {
    if (like == to_lower(known)) return known;
  }
  return "";
}

}  // namespace

Answer<> check_keys(std::string_view bytes) {
  std::string fault;
  const Result<> read = json::each_key(bytes, [&](const json::Key& key) {
    const std::string_view known = taken_for(key);
    if (key.repeated) fault = cat("the key ", quoted(key.name), " stands twice");
    if (!known.empty()) fault = cat("the key ", quoted(key.name), ": did you mean ", known, "?");
    return fault.empty();
  });
  if (read && !fault.empty()) return Refusal(kManifestInvalid, fault);
  return {};
}

Answer<NewManifest> read_manifest(std::string bytes, const std::string& media_type,
                                  const oci::Digest& digest) {
  const std::string type = media_type.empty() ? oci::sniff_media_type(bytes) : media_type;
  NewManifest out{.row = {digest, type, {}}};
  Answer<NewManifest> read = Refusal(
      kManifestInvalid,
      cat("media type ", quoted(type), " is none of a manifest or index (OCI or Docker schema 2)"));
  if (oci::is_manifest_type(type))
    read = read_image(bytes, type, std::move(out));
  else if (oci::is_index_type(type))
    read = read_index(bytes, type, std::move(out));
  if (read) read->row.bytes = std::move(bytes);
  return read;
}

}  // namespace skiff::registry
