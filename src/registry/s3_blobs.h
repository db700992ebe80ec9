// Blobs in an S3 store, for any number of nodes with one metadata store (docs/decisions/017).
//
// What is written is at a key of its own, chosen when its upload began: bytes go straight to where
// they stay, in parts of 8 MiB. What is less than a part waits in a file without a name, and goes
// to the store as an object of its own before a client is told of it. The bucket is never listed
// but by a check.
#pragma once

#include "registry/blobs.h"
#include "s3/bucket.h"

namespace skiff::registry {

struct S3Options {
  s3::BucketOptions bucket;
  std::string prefix;  // before every key; another registry may have another one
  // Clients read blobs from the store itself, by links for `link_lifetime`.
  bool redirect = false;
  std::chrono::seconds link_lifetime{20 * 60};
};

// Tries what it counts on, and refuses a store that does not have it (kFailedPrecondition). Makes
// `spool`, for what is on its way.
Result<std::unique_ptr<Blobs>> open_s3_blobs(const S3Options& options, const Path& spool);

}  // namespace skiff::registry
