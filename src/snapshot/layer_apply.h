// Unpacks a layer tar into a directory, in the form overlayfs wants (OCI image-spec, layer.md).
#pragma once

#include <vector>

#include "base/cancellation.h"
#include "base/file.h"
#include "base/io.h"

namespace skiff::snapshot {

// Extracts `tar` (uncompressed, read to its very end) into `directory`, which is empty and
// which nobody else uses, as what will lie on top of `lowers` (topmost first).
//
// Entries are applied in order, the last of a name wins. Whiteouts become character devices
// 0:0, opaque directories their extended attribute; on top of nothing both are left out.
// Directories that the archive implies but does not hold look as they do in `lowers`.
// Names and hard links with "..", and ones that pass through a symlink which leads out of the
// layer are refused with kInvalidArgument. No data is synced here.
Result<> apply_layer(const Path& directory, const std::vector<Path>& lowers, Source& tar,
                     const CancelToken& cancel = {});

}  // namespace skiff::snapshot
