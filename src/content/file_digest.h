// The digest of what a file holds on the disk: for who looks for damage.
#pragma once

#include "base/cancellation.h"
#include "oci/digest.h"

namespace skiff::content {

// Of the open file from its start, read past the page cache, no faster than asked (0: as it goes).
// kCancelled as soon as `cancel` is.
Result<oci::Digest> digest_on_disk(int file, HashAlgorithm algorithm, uint64_t bytes_per_second,
                                   const CancelToken& cancel);

}  // namespace skiff::content
