// RemoteFile: what ADD fetches from a URL.
#pragma once

#include <optional>
#include <string>

#include "base/cancellation.h"
#include "base/file.h"
#include "oci/digest.h"

namespace skiff::builder {

// Downloads into `directory` as Docker names and dates it (mode 0600, Last-Modified); returns
// the file's name. kFailedPrecondition where the content has not the digest `checksum`.
Result<std::string> download(const std::string& url, const std::optional<oci::Digest>& checksum,
                             const Path& directory, const CancelToken& cancel);

}  // namespace skiff::builder
