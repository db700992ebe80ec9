// Symlinks of a tree in memory, followed as the kernel would below its root and no further
// (openat2's RESOLVE_BENEATH).
#pragma once

#include <string>

#include "codec/erofs_tree.h"

namespace skiff::snapshot {

struct SymlinkEnd {
  ErofsTree::Id directory = ErofsTree::kRoot;
  std::string path;  // through no symlink
  // 0, or why there is no directory: ENOENT, ENOTDIR, ELOOP, EXDEV (it leaves the tree).
  int error = 0;
};

// The directory that `symlink` leads to; it stands in `directory`, whose path is `path`.
SymlinkEnd follow_symlink(const ErofsTree& tree, ErofsTree::Id directory, std::string path,
                          ErofsTree::Id symlink);

}  // namespace skiff::snapshot
