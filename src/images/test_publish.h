// For tests: images of a store as a registry in memory has them.
#pragma once

#include "images/test_images.h"
#include "remote/test_registry.h"

namespace skiff::images {

// Puts all that `target` leads to into the registry, but not what is not here.
inline void publish_parts(remote::TestRegistry& registry, TestImages& from,
                          const oci::Descriptor& target, const std::string& repository) {
  const auto bytes = content::read_blob(from->content(), target.digest);
  if (!bytes) return;
  if (oci::is_index_type(target.media_type)) {
    registry.manifests[repository][target.digest.str()] = *bytes;
    const auto index = oci::Index::parse(*bytes, target.media_type);
    for (const auto& each : index->manifests) publish_parts(registry, from, each, repository);
    return;
  }
  if (!oci::is_manifest_type(target.media_type)) {
    registry.blobs[repository][target.digest.str()] = *bytes;
    return;
  }
  registry.manifests[repository][target.digest.str()] = *bytes;
  const auto manifest = oci::Manifest::parse(*bytes, target.media_type);
  publish_parts(registry, from, manifest->config, repository);
  for (const auto& layer : manifest->layers) publish_parts(registry, from, layer, repository);
}

inline void publish(remote::TestRegistry& registry, TestImages& from, const oci::Descriptor& target,
                    const std::string& repository, const std::string& tag) {
  registry.manifests[repository][tag] = *content::read_blob(from->content(), target.digest);
  publish_parts(registry, from, target, repository);
}

}  // namespace skiff::images
