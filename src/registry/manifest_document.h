// Reads a manifest or index as it was pushed into what the metadata store keeps of it.
#pragma once

#include <string>

#include "registry/metadata.h"
#include "registry/refusal.h"

namespace skiff::registry {

// `media_type` is the request's Content-Type, or "". Refuses with MANIFEST_INVALID what is
// malformed, and any kind of document but OCI and Docker schema 2 manifests and indexes.
Answer<NewManifest> read_manifest(std::string bytes, const std::string& media_type,
                                  const oci::Digest& digest);

}  // namespace skiff::registry
