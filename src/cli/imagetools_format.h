// imagetools inspect --format: what its templates know of an image in a registry.
#pragma once

#include "cli/registry_documents.h"

namespace skiff::cli {

inline constexpr int kBuildxIndent = 2;  // of what buildx writes

// fetch_document() with buildx's words for what is not there.
Result<RegistryDocument> fetch_known(Session& session, const oci::Reference& name);
// A descriptor. The order of members is that of Go's clients: the same index has the same digest.
json::Value in_gos_order(const json::Value& descriptor);
// Name, Manifest, Image, Provenance and SBOM; what the template does not name is not fetched.
Result<std::string> formatted(Session& session, const oci::Reference& name,
                              const RegistryDocument& document, const std::string& format);

}  // namespace skiff::cli
