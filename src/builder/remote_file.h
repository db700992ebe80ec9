// RemoteFile: what ADD fetches from a URL.
#pragma once

#include <optional>
#include <string>

#include "base/cancellation.h"
#include "base/file.h"
#include "oci/digest.h"

namespace skiff::builder {

// By what a server tells whether a file is still the same one, byte by byte (RFC 9110,
// section 8.8).
struct Validator {
  std::string etag;      // a strong one, or ""
  std::string modified;  // where it has no ETag: its time, if it was long past when it was told
  bool empty() const { return etag.empty() && modified.empty(); }
};

struct RemoteFile {
  std::string name;
  Validator validator;
  bool unchanged = false;  // the server has what `known` says: nothing was written
};

// The last component of the URL's path.
std::string remote_name(const std::string& url);

// Downloads into `directory` as Docker names and dates it (mode 0600, Last-Modified).
Result<RemoteFile> download(const std::string& url, const Validator& known, const Path& directory,
                            const CancelToken& cancel);

// kFailedPrecondition where the file is another one.
Result<> check_digest(const Path& path, const oci::Digest& wanted);

}  // namespace skiff::builder
