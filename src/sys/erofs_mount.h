// Mounts an EROFS index and the file that holds its data, both plain files: no loop device
// (Linux 6.12, CONFIG_EROFS_FS_BACKED_BY_FILE). The index lies on a file system that the kernel
// can read by pages: a disk's, not tmpfs nor overlayfs (ENOTBLK).
#pragma once

#include "base/file.h"
#include "base/result.h"
#include "base/unique_fd.h"

namespace skiff::sys {

// A new, read-only, detached mount of `index` with file data in `data`, an absolute path each.
// The descriptor is its root directory; closing it takes the mount away, unless it was attached
// (attach_mount) or is a layer of an overlay mount. Data are read past the page cache of `data`,
// which would hold them a second time, where its file system allows that at 512 bytes.
Result<UniqueFd> mount_erofs(const Path& index, const Path& data);

}  // namespace skiff::sys
