#include "content/file_digest.h"

#include <fcntl.h>

#include "base/scope_exit.h"
#include "content/paced_source.h"

namespace skiff::content {

Result<oci::Digest> digest_on_disk(int file, HashAlgorithm algorithm, uint64_t bytes_per_second,
                                   const CancelToken& cancel) {
  ::posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED);
  const ScopeExit forget([&] { ::posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED); });
  FdSource source(file);
  PacedSource paced(source, bytes_per_second, cancel);
  Hasher hasher(algorithm);
  TRY(copy(paced, hasher));
  return oci::Digest::from_hex(algorithm, hasher.hex());
}

}  // namespace skiff::content
