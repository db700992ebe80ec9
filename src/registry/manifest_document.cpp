#include "registry/manifest_document.h"

#include "base/strings.h"
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
                              .manifest = true,
                              .spared = true,
                              .place = cat("manifests[", out.references.size(), "]")});
  }
  return out;
}

}  // namespace

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
