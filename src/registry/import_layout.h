// DistributionTree: reads the file tree of docker-registry 2.x and distribution 3.x. It is
// foreign: names and digests are judged, links of the file system are not followed, and what fits
// nowhere is told.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/file.h"
#include "base/problem.h"
#include "oci/digest.h"

namespace skiff::registry {

class DistributionTree {
 public:
  // `tree` is the registry's rootdirectory, or its docker/registry/v2. kNotFound where it is
  // neither.
  static Result<DistributionTree> open(const Path& tree);

  // Sorted.
  Result<std::vector<std::string>> repositories(const ProblemSink& report) const;
  Path repository(const std::string& name) const { return root_ / "repositories" / name; }
  // The manifests that a repository has.
  Result<std::vector<oci::Digest>> revisions(const std::string& name,
                                             const ProblemSink& report) const;
  bool has_revision(const std::string& name, const oci::Digest& digest) const;
  Result<std::vector<std::pair<std::string, oci::Digest>>> tags(const std::string& name,
                                                                const ProblemSink& report) const;
  Result<UniqueFd> open_blob(const oci::Digest& digest) const;  // kNotFound
  // A small one, whole and verified: kDataLoss.
  Result<std::string> read_blob(const oci::Digest& digest, size_t limit) const;

 private:
  explicit DistributionTree(Path root) : root_(std::move(root)) {}
  Result<> find_repositories(const std::string& below, const ProblemSink& report,
                             std::vector<std::string>& out) const;

  Path root_;
};

}  // namespace skiff::registry
