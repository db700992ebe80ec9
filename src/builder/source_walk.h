// SourceWalk: a descent below a directory of a SourceTree.
//
//   const SourceWalk walk{.ignore = ignore, .excludes = excludes, .cancel = cancel};
//   TRY(walk.below(fd, "src", files));     // "src/a", "src/d", "src/d/b", ... sorted
//
// Where a directory has many directories, a second thread takes part. Nothing is followed.
#pragma once

#include <string>
#include <vector>

#include "base/cancellation.h"
#include "builder/source_tree.h"
#include "oci/ignore_patterns.h"

namespace skiff::builder {

// "src" and "a.c" are "src/a.c"; "" is the root.
std::string join_path(const std::string& directory, const std::string& name);
// Of a directory that was just opened: sorted, without "." and "..".
Result<std::vector<std::string>> names_in(int directory);

// What it leaves out: what is ignored or excluded.
struct SourceWalk {
  const oci::IgnorePatterns& ignore;    // of paths in the tree
  const oci::IgnorePatterns& excludes;  // of paths below the directory
  const CancelToken& cancel;
  const oci::IgnorePatterns* wanted = nullptr;  // only what matches, and its directories
  std::vector<std::string> only = {};           // components that every match begins with

  // Adds what is below the directory `path`, just opened; parents before children.
  Result<> below(int directory, const std::string& path, std::vector<SourceFile>& files) const;
};

}  // namespace skiff::builder
