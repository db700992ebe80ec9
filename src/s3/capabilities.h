// What a registry counts on, tried on the store itself before anything is kept there: some engines
// that speak S3 put parts together in the wrong order, or ignore conditions and ranges.
#pragma once

#include "s3/bucket.h"

namespace skiff::s3 {

// Writes, reads, lists and removes objects of some 5 MiB below `prefix`, and leaves none. The first
// thing that does not hold is the error, as kFailedPrecondition where the store answers, but
// wrongly.
Result<> check_capabilities(const Bucket& bucket, const std::string& prefix);

}  // namespace skiff::s3
