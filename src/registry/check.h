// Check: compares all that a registry has with one another: content with its records, manifests
// with their digests, and with the blobs and manifests that they name.
#pragma once

#include "base/problem.h"
#include "registry/blobs.h"
#include "registry/digest_locks.h"
#include "registry/metadata.h"
#include "registry/registry.h"

namespace skiff::registry {

struct Checked {
  Blobs& blobs;
  MetadataStore& metadata;
  DigestLocks& locks;
  Path root;
};

// Tells each problem to `report`, while others work. Repair removes damaged content (see
// ContentStore::check) and what no record has; forgets a blob that is lost, so that a push brings
// it again; writes anew what a manifest's rows say that it names. It takes no manifest and no tag
// away: one that is not whole stays a problem until it is pushed again or deleted. What it removed
// stays so after a power cut. Its memory does not grow with the registry.
Result<CheckSummary> check_registry(const Checked& what, const CheckOptions& options,
                                    const ProblemSink& report, const CancelToken& cancel);

}  // namespace skiff::registry
