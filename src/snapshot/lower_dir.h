// LowerDir: one directory of a stack of layers, as overlayfs would merge it: what an upper
// directory adds to or hides.
//
//   LowerDir root = TRY(LowerDir::open(lowers));     // topmost first
//   if (auto found = TRY(root.find("etc"))) ...      // lstat of what is visible below
//   LowerDir etc = TRY(root.descend("etc"));
#pragma once

#include <sys/stat.h>

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/result.h"
#include "base/unique_fd.h"

namespace skiff::snapshot {

class LowerDir {
 public:
  LowerDir() = default;  // nothing is below
  static Result<LowerDir> open(const std::vector<Path>& layers);

  bool empty() const { return layers_.empty(); }
  // lstat of the visible entry; nullopt when there is none or it is deleted.
  Result<std::optional<struct stat>> find(const std::string& name) const;
  // The directory `name`; empty where there is none.
  Result<LowerDir> descend(const std::string& name) const;
  // The same of "a/b/c".
  Result<LowerDir> descend_path(const std::string& path) const;
  // The visible names.
  Result<std::set<std::string>> names() const;
  // The topmost layer's directory: the one whose owner, mode and times are seen. Not empty.
  int top() const { return layers_.front().get(); }

 private:
  std::vector<UniqueFd> layers_;  // topmost first, each merged with the next
};

// Names in an open directory, without "." and "..".
Result<std::vector<std::string>> list_directory(int directory);

}  // namespace skiff::snapshot
