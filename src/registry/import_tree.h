// Import: takes in what another registry has on disk, the file tree that docker-registry 2.x and
// distribution 3.x write, while this one serves:
//
//   TREE/docker/registry/v2/blobs/ALGORITHM/HH/HEX/data
//   TREE/docker/registry/v2/repositories/NAME/_manifests/revisions/ALGORITHM/HEX/link
//   TREE/docker/registry/v2/repositories/NAME/_manifests/tags/TAG/current/link
//
// Each manifest goes the way of a push: its blobs first, every byte compared with its digest, then
// the manifest with its tags, all or nothing. What is here already is not read again, so that a
// second import moves only what is new. What is damaged, missing or of a kind that is not served is
// told and left out; nothing of the tree is changed.
#pragma once

#include "base/problem.h"
#include "registry/metadata.h"
#include "registry/upload_sessions.h"

namespace skiff::registry {

struct ImportOptions {
  // A tag that names something else here is moved to what the tree says; else it is told and left.
  bool move_tags = false;
};

struct ImportSummary {
  size_t repositories = 0;
  size_t manifests = 0;  // whole, with those that were here
  size_t tags = 0;       // that name here what they name there
  size_t blobs = 0;      // taken in
  uint64_t bytes = 0;    // of those
};

struct ImportInto {
  MetadataStore& metadata;
  UploadSessions& uploads;
};

// `begins` is told of each repository before it is imported. Nobody may collect garbage meanwhile.
Result<ImportSummary> import_tree(const ImportInto& into, const Path& tree,
                                  const ImportOptions& options,
                                  const std::function<void(const std::string&)>& begins,
                                  const ProblemSink& report, const CancelToken& cancel);

}  // namespace skiff::registry
