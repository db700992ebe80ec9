// Removal of a tree that may be large, to be broken off.
#pragma once

#include "base/cancellation.h"
#include "base/file.h"

namespace skiff {

// As remove_tree(path) of base/file.h; kCancelled, with the rest left, as soon as `cancel` is.
Result<> remove_tree(const Path& path, const CancelToken& cancel);

}  // namespace skiff
