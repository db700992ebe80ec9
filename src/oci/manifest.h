// Descriptors, image manifests and indexes, OCI and Docker schema 2 alike
// (OCI image-spec manifest.md, image-index.md; Docker image manifest v2 schema 2).
// The bytes a manifest came in are kept: a digest names bytes, never a re-serialisation.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "codec/json.h"
#include "oci/digest.h"
#include "oci/platform.h"

namespace skiff::oci {

inline constexpr std::string_view kMediaTypeManifest = "application/vnd.oci.image.manifest.v1+json";
inline constexpr std::string_view kMediaTypeIndex = "application/vnd.oci.image.index.v1+json";
inline constexpr std::string_view kMediaTypeConfig = "application/vnd.oci.image.config.v1+json";
inline constexpr std::string_view kMediaTypeLayer = "application/vnd.oci.image.layer.v1.tar";
inline constexpr std::string_view kMediaTypeLayerGzip =
    "application/vnd.oci.image.layer.v1.tar+gzip";
inline constexpr std::string_view kMediaTypeLayerZstd =
    "application/vnd.oci.image.layer.v1.tar+zstd";
inline constexpr std::string_view kMediaTypeEmptyJson = "application/vnd.oci.empty.v1+json";
inline constexpr std::string_view kDockerManifest =
    "application/vnd.docker.distribution.manifest.v2+json";
inline constexpr std::string_view kDockerManifestList =
    "application/vnd.docker.distribution.manifest.list.v2+json";
inline constexpr std::string_view kDockerConfig = "application/vnd.docker.container.image.v1+json";
inline constexpr std::string_view kDockerLayerPlain =
    "application/vnd.docker.image.rootfs.diff.tar";
inline constexpr std::string_view kDockerLayerGzip =
    "application/vnd.docker.image.rootfs.diff.tar.gzip";

bool is_manifest_type(std::string_view media_type);  // one image
// A layer that registries need not have: it comes from its descriptor's urls (OCI image-spec,
// Non-Distributable Layers; Docker's foreign layers).
bool is_nondistributable_type(std::string_view media_type);
bool is_index_type(std::string_view media_type);  // several

struct Descriptor {
  std::string media_type;
  Digest digest = Digest::of("");
  uint64_t size = 0;
  std::optional<Platform> platform;
  std::string artifact_type;
  std::map<std::string, std::string> annotations;
  std::vector<std::string> urls;

  static Result<Descriptor> from_json(const json::Value& v);
  json::Value to_json() const;
};

struct Manifest {
  std::string raw;  // the bytes
  std::string media_type;
  std::string artifact_type;
  Descriptor config;
  std::vector<Descriptor> layers;
  std::optional<Descriptor> subject;
  std::map<std::string, std::string> annotations;

  // Refuses what is malformed with the place ("layers[2].digest: ..."), and a document
  // that is both a manifest and an index. `media_type` is the transport's, or "".
  static Result<Manifest> parse(std::string_view bytes, std::string_view media_type = "");
  // Builds the bytes from the fields.
  static Manifest make(std::string_view media_type, Descriptor config,
                       std::vector<Descriptor> layers,
                       std::map<std::string, std::string> annotations = {});
  Descriptor descriptor() const;  // of `raw`
};

struct Index {
  std::string raw;
  std::string media_type;
  std::string artifact_type;
  std::vector<Descriptor> manifests;
  std::optional<Descriptor> subject;
  std::map<std::string, std::string> annotations;

  static Result<Index> parse(std::string_view bytes, std::string_view media_type = "");
  static Index make(std::string_view media_type, std::vector<Descriptor> manifests);
  Descriptor descriptor() const;
  // The entry that best serves `wanted`; attestation entries ("unknown/unknown") never do.
  const Descriptor* choose(const Platform& wanted) const;
};

// The media type a manifest document declares or implies (mediaType; else config+layers or
// manifests); "" when it is neither.
std::string sniff_media_type(std::string_view bytes);

}  // namespace skiff::oci
