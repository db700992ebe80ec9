// What an image's attestations say, as `docker buildx imagetools inspect` has it.
#pragma once

#include "cli/registry_documents.h"

namespace skiff::cli {

struct ImageStatements {
  json::Value provenance;  // {"SLSA": PREDICATE}, of several platforms by their names; or null
  json::Value sbom;        // {"SPDX": PREDICATE}, the same
};
// Of an index; one manifest has none.
Result<ImageStatements> statements_of(Session& session, const oci::Reference& name,
                                      const RegistryDocument& document);

}  // namespace skiff::cli
