// A layer's directory: what of it is where, and the unpacked form of it.
#pragma once

#include <vector>

#include "base/cancellation.h"
#include "base/file.h"
#include "base/io.h"

namespace skiff::snapshot {

// Either the tree, in overlayfs's form, or the tar and its index.
inline constexpr const char* kTreeName = "fs";
inline constexpr const char* kTarName = "layer.tar";
inline constexpr const char* kIndexName = "layer.erofs";
// Of a tree: what it must hold (layer_forms.h).
inline constexpr const char* kDigestName = "digest";
// Directories of the same kind, other forms of the layer: see layer_stack.h.
inline constexpr const char* kFlatName = "flat";
inline constexpr const char* kUnpackedName = "unpacked";
// Trees that were damaged, for who still has them mounted: see layer_replacement.h.
inline constexpr const char* kRetiredName = "retired";

bool is_present(const Path& path);
inline bool is_indexed(const Path& layer) { return is_present(layer / kIndexName); }
inline bool has_forms(const Path& layer) {
  return is_present(layer / kFlatName) || is_present(layer / kUnpackedName);
}
// In either form.
inline bool has_files(const Path& layer) {
  return is_present(layer / kTreeName) || is_indexed(layer);
}

// An empty tree in `layer`, whose root looks like the one below.
Result<> make_tree(const Path& layer, const std::vector<Path>& lowers);
// The layer `tar` on top of the trees `lowers` (topmost first) as a tree in `layer`, an empty
// directory; on disk when it returns.
Result<> unpack_layer(const Path& layer, const std::vector<Path>& lowers, Source& tar,
                      const CancelToken& cancel = {});
// Everything written to the file system of `directory` is on disk: one call instead of an
// fsync a file.
Result<> sync_file_system(const Path& directory);

}  // namespace skiff::snapshot
