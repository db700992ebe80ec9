// Manifests and indexes of registries, through the daemon, which has the registries' protocols and
// the way to them: what `manifest` and `imagetools` work on.
#pragma once

#include <map>
#include <string>

#include "cli/session.h"
#include "oci/reference.h"

namespace skiff::cli {

struct RegistryDocument {
  json::Value descriptor;  // of an image with its platform
  std::string raw;         // the manifest or index
  std::string config;      // of an image, else ""

  std::string media_type() const { return descriptor.string("mediaType"); }
  bool is_index() const;
};

enum class Insecure { kNo, kYes };

// kNotFound where there is none.
Result<RegistryDocument> fetch_document(Session& session, const oci::Reference& name,
                                        Insecure insecure = Insecure::kNo);
// The in-toto statements of an attestation manifest.
Result<json::Array> fetch_statements(Session& session, const oci::Reference& name);
// Makes `raw` what `name` points at, after all that it names, which `sources` have by digest.
// Returns its digest.
Result<std::string> push_document(Session& session, const oci::Reference& name,
                                  const std::string& media_type, const std::string& raw,
                                  const std::map<std::string, oci::Reference>& sources,
                                  Insecure insecure = Insecure::kNo);

// "linux/arm64/v8", "" for none; of a descriptor's "platform".
std::string platform_text(const json::Value& descriptor);

}  // namespace skiff::cli
