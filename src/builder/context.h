// Context: the files a build is given: a tar, unpacked below a temporary root, a directory, read in
// place, or what is fetched; its .dockerignore and its Dockerfile.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "builder/builder.h"
#include "builder/named_sources.h"
#include "builder/source_tree.h"

namespace skiff::builder {

class Context {
 public:
  // Temporary contexts are made below `scratch`; `stats` remembers files of a directory.
  static Result<Context> open(const BuildRequest& request, const Path& scratch, StatCache& stats,
                              const CancelToken& cancel);

  SourceTree& tree() { return *tree_; }
  NamedSources& named() { return *named_; }
  const std::string& dockerfile() const { return dockerfile_; }
  // Of one that was fetched from a repository.
  std::optional<ContextOrigin> origin() const { return fetched_ ? fetched_->origin : std::nullopt; }
  std::optional<TimePoint> time() const { return fetched_ ? fetched_->time : std::nullopt; }

 private:
  Context() = default;
  // Where its files are.
  Result<Path> settle(const BuildRequest& request, const Path& scratch, const CancelToken& cancel);
  std::optional<TempDir> unpacked_;
  std::optional<FetchedContext> fetched_;
  std::unique_ptr<SourceTree> tree_;
  std::unique_ptr<NamedSources> named_;
  std::string dockerfile_;
};

// The first of these files that is there.
Result<oci::IgnorePatterns> read_ignore(const sys::RootDir& root,
                                        const std::vector<std::string>& names);

}  // namespace skiff::builder
