// A directory's names as EROFS blocks: sorted by bytes over all of them, "." and ".." among
// them, each block as full as whole names make it. Private to codec/.
#pragma once

#include <string_view>
#include <vector>

#include "codec/erofs_tree.h"

namespace skiff::erofs {

struct DirectoryName {
  std::string_view name;
  ErofsTree::Id inode = 0;
};

class DirectoryBlocks {
 public:
  DirectoryBlocks(const ErofsTree& tree, ErofsTree::Id directory);
  // The names of the next block; empty at the end. Valid until the next call.
  const std::vector<DirectoryName>& next();

 private:
  bool take(DirectoryName& name) const;
  void step();

  ErofsTree::Id self_;
  ErofsTree::Id parent_;
  ErofsTree::Names::const_iterator name_;
  ErofsTree::Names::const_iterator end_;
  int dots_ = 0;  // 0: "." is to come, 1: "..", 2: both were there
  std::vector<DirectoryName> block_;
};

// Bytes of such a block.
uint64_t block_bytes(const std::vector<DirectoryName>& block);
// Of all blocks of a directory: full ones, and what the last one has.
uint64_t directory_size(const ErofsTree& tree, ErofsTree::Id directory);

}  // namespace skiff::erofs
