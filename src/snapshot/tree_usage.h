// Room that a tree takes on disk, as du counts it: a file with several names once.
#pragma once

#include "snapshot/snapshotter.h"

namespace skiff::snapshot {

Result<Usage> usage_of_tree(const Path& root);

}  // namespace skiff::snapshot
