// The init layer: an empty layer between an image and its containers that holds the files and
// directories the runtime mounts over (/etc/hosts, /proc, ...), so that neither `diff`,
// `commit` nor `export` of a container sees them as its changes. Made once for each image.
#pragma once

#include <string>

#include "images/image_store.h"

namespace skiff::engine {

// Prepares the active snapshot `key` on `parent` ("" for an image without layers) with the
// init layer between.
Result<> prepare_root(snapshot::Snapshotter& snapshots, const std::string& key,
                      const std::string& parent, const Path& scratch);

}  // namespace skiff::engine
