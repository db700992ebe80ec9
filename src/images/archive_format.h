// The files of an image archive, which is an OCI image layout (OCI image-spec,
// image-layout.md) and a docker-archive (`docker save`, "Docker Image Specification v1.2")
// in one: oci-layout and index.json beside manifest.json, all naming files of blobs/.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "oci/manifest.h"
#include "oci/reference.h"

namespace skiff::images {

inline constexpr std::string_view kLayoutFile = "oci-layout";
inline constexpr std::string_view kIndexFile = "index.json";
inline constexpr std::string_view kDockerManifestFile = "manifest.json";
inline constexpr std::string_view kLayoutContent = R"({"imageLayoutVersion":"1.0.0"})";

// Annotations of index.json's descriptors: the whole name (containerd, Docker), and the tag or
// name (OCI).
inline constexpr std::string_view kNameAnnotation = "io.containerd.image.name";
inline constexpr std::string_view kRefNameAnnotation = "org.opencontainers.image.ref.name";

// "blobs/sha256/ab12...", and back; nullopt for another path.
std::string blob_path(const oci::Digest& digest);
std::optional<oci::Digest> blob_of_path(std::string_view path);

// One image of manifest.json.
struct DockerEntry {
  std::string config;             // path
  std::vector<std::string> tags;  // familiar: "alpine:latest"
  std::vector<std::string> layers;

  static Result<DockerEntry> from_json(const json::Value& v);
  json::Value to_json() const;
};

// The name that an index.json descriptor carries; nullopt for none, or for a bare tag.
Result<std::optional<oci::Reference>> annotated_name(const oci::Descriptor& descriptor);

}  // namespace skiff::images
