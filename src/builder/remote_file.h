// RemoteFile: what ADD fetches from a URL.
#pragma once

#include <string>

#include "base/cancellation.h"
#include "base/file.h"

namespace skiff::builder {

bool is_url(const std::string& source);
// A repository of git's, which ADD does not fetch here.
bool is_git(const std::string& source);

// Downloads into `directory` as Docker names and dates it (mode 0600, Last-Modified); returns
// the file's name.
Result<std::string> download(const std::string& url, const Path& directory,
                             const CancelToken& cancel);

}  // namespace skiff::builder
