// The indexes of an OCI layout that others have written into, too.
#pragma once

#include "base/file.h"

namespace skiff::cli {

// Puts into the index.json of `fresh`, and its manifest.json where it has one, what those of
// `there` name besides: images of the same name, or the same image without one, give way. A `there`
// without an index adds nothing; one that cannot be read is an error.
Result<> join_indexes(const Path& fresh, const Path& there);

}  // namespace skiff::cli
