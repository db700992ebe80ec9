// Which extended attributes of a layer's entry its index holds: those that Linux would let a
// privileged unpacker set, with the same refusals, since the kernel checks none that it reads.
#pragma once

#include <sys/stat.h>

#include "base/result.h"
#include "snapshot/file_attributes.h"

namespace skiff::snapshot {

// Of a file of type `type` (S_IFREG and so on). Left out: what is not part of the tree
// (is_tree_xattr), what that type cannot have, kinds that file systems do not know. Refused: file
// capabilities and ACLs that are none.
Result<Xattrs> index_xattrs(const Xattrs& xattrs, mode_t type);

}  // namespace skiff::snapshot
