// Quarantine: the files of damaged blobs, set aside under ROOT/quarantine/ALGORITHM/HEX until the
// blob is stored again or removed, or newer ones need the room. Not thread-safe: whoever uses it
// keeps others away.
#pragma once

#include "base/file.h"
#include "oci/digest.h"

namespace skiff::content {

struct QuarantineLimits {
  uint64_t bytes = uint64_t{10} << 30U;
  size_t files = 1000;
};

class Quarantine {
 public:
  explicit Quarantine(Path directory, QuarantineLimits limits = {})
      : directory_(std::move(directory)), limits_(limits) {}

  Path file(const oci::Digest& digest) const;
  // Moves a blob's file here by a rename, which may be undone by a power cut, then removes the
  // oldest beyond the limits. The one that came last stays, however large it is.
  Result<> take(const Path& blob, const oci::Digest& digest);
  // Removes what is here of the blob; nothing is success.
  void drop(const oci::Digest& digest) const;

 private:
  Result<> keep_limits(const Path& newest) const;

  Path directory_;
  QuarantineLimits limits_;
};

}  // namespace skiff::content
