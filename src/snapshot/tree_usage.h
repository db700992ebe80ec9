// Room that a tree takes on disk, as du counts it: a file with several names once.
#pragma once

#include "snapshot/snapshotter.h"

namespace skiff::snapshot {

Result<Usage> usage_of_tree(const Path& root);
// Of a layer in all forms that it has in `directory`: what is mounted is on no disk.
Result<Usage> usage_of_layer(const Path& directory);

}  // namespace skiff::snapshot
