// DirectoryCache: the open directories of a tree that is being unpacked, by path, so that an
// entry costs no walk from the root. Not thread-safe.
#pragma once

#include <memory>
#include <string>
#include <unordered_map>

#include "base/unique_fd.h"

namespace skiff::snapshot {

struct KnownDirectory {
  UniqueFd fd;
  std::string path;  // within the tree, through no symlink: one name for each directory
};
// Shared, so that a user keeps his while the cache drops its own.
using OpenDirectory = std::shared_ptr<const KnownDirectory>;

class DirectoryCache {
 public:
  // The cached directory, or null.
  OpenDirectory find(const std::string& path) const {
    auto found = open_.find(path);
    return found == open_.end() ? nullptr : found->second;
  }
  OpenDirectory add(const std::string& path, KnownDirectory directory) {
    // Archives come depth first: dropping all costs one walk, and bounds the descriptors.
    if (open_.size() >= kMost) open_.clear();
    return open_[path] = std::make_shared<KnownDirectory>(std::move(directory));
  }
  // After a removal any path may mean something else.
  void clear() { open_.clear(); }

 private:
  static constexpr size_t kMost = 64;
  std::unordered_map<std::string, OpenDirectory> open_;
};

}  // namespace skiff::snapshot
