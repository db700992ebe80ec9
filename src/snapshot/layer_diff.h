// What an upper directory of overlayfs adds to the layers below it.
#pragma once

#include <vector>

#include "base/io.h"
#include "snapshot/lent_contents.h"
#include "snapshot/snapshotter.h"

namespace skiff::snapshot {

// As a layer tar: depth first, the names of a directory in byte order, a directory before what
// it holds; numeric owners; hard links within the layer kept. Sockets are left out. `lent`, if not
// null, knows what some of the files hold.
Result<> write_layer(const Path& upper, const std::vector<Path>& lowers, Sink& tar,
                     const LentContents* lent = nullptr);
// The whole of a tree, with its root, in the same form.
Result<> write_tree(const Path& root, Sink& tar);
// As a list in the same order. A directory that is only there for what it holds is modified.
Result<std::vector<Change>> list_changes(const Path& upper, const std::vector<Path>& lowers);

}  // namespace skiff::snapshot
