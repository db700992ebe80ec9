// Reads a manifest or index as it was pushed into what the metadata store keeps of it.
#pragma once

#include <string>
#include <string_view>

#include "registry/metadata.h"
#include "registry/refusal.h"

namespace skiff::registry {

// `media_type` is the request's Content-Type, or "". Refuses with MANIFEST_INVALID what is
// malformed, and any kind of document but OCI and Docker schema 2 manifests and indexes.
Answer<NewManifest> read_manifest(std::string bytes, const std::string& media_type,
                                  const oci::Digest& digest);

// MANIFEST_INVALID where other readers would take it for another document: a key that stands twice
// in an object, or one like a known key but for the case of its letters. Of what is no JSON at all
// read_manifest tells.
Answer<> check_keys(std::string_view bytes);

}  // namespace skiff::registry
