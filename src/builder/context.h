// Context: the files a build is given: a tar, unpacked below a temporary root, or a directory,
// read in place; its .dockerignore and its Dockerfile.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "builder/builder.h"
#include "builder/source_tree.h"

namespace skiff::builder {

class Context {
 public:
  // Temporary contexts are made below `scratch`.
  static Result<Context> open(const BuildRequest& request, const Path& scratch,
                              const CancelToken& cancel);

  SourceTree& tree() { return *tree_; }
  const std::string& dockerfile() const { return dockerfile_; }

 private:
  Context() = default;
  std::optional<TempDir> unpacked_;
  std::unique_ptr<SourceTree> tree_;
  std::string dockerfile_;
};

}  // namespace skiff::builder
