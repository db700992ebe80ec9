// RemoteFile: what ADD fetches from a URL.
#pragma once

#include <optional>
#include <string>

#include "base/cancellation.h"
#include "base/file.h"
#include "oci/digest.h"

namespace skiff::builder {

struct RemoteFile {
  std::string name;
  std::string etag;        // that tells every byte of it, or ""
  bool unchanged = false;  // the server has what has `known_etag`: nothing was written
};

// The last component of the URL's path.
std::string remote_name(const std::string& url);

// Downloads into `directory` as Docker names and dates it (mode 0600, Last-Modified).
Result<RemoteFile> download(const std::string& url, const std::string& known_etag,
                            const Path& directory, const CancelToken& cancel);

}  // namespace skiff::builder
