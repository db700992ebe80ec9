// Files of blobs, which never change, put in other places: by a name of their own for the same file
// where one file system has both, else by a copy, which shares its blocks where that can be.
#pragma once

#include "base/file.h"

namespace skiff::registry {

enum class Placing { kLinkOrCopy, kCopy };

// `to` is `from` then, with its mode and time of change, whole at any moment, and survives a power
// cut once its directory is synced. Its directory is there; a file `to` is replaced.
Result<> place_file(const Path& from, const Path& to, Placing how);

}  // namespace skiff::registry
