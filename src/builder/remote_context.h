// RemoteContext: the files of a build context that is fetched: a git repository, an archive of the
// web, or a Dockerfile of the web.
#pragma once

#include <optional>
#include <string>

#include "base/cancellation.h"
#include "base/file.h"
#include "base/result.h"
#include "builder/builder.h"

namespace skiff::builder {

struct FetchedContext {
  TempDir keep;    // all of it lies below
  Path directory;  // the context
  // Where the URL is no archive: the one file in the directory.
  std::optional<std::string> file;
  // Of a repository: its address with the reference that was asked for.
  std::optional<ContextOrigin> origin;
  // Of the commit; else as the server says, or that of the archive's newest file.
  std::optional<TimePoint> time;
};

// "https://host/a.git#ref:subdirectory", "git@host:a.git", "github.com/owner/name" and what else
// parse_git_source() knows; or an archive, compressed or not; or any other file.
Result<FetchedContext> fetch_context(const std::string& url, const BuildRequest& request,
                                     const Path& scratch, const CancelToken& cancel);

// The time that fetch_context() tells of what an ADD names, and that the checksum, if any, is of.
Result<std::optional<TimePoint>> time_of_source(const std::string& source,
                                                const std::string& checksum,
                                                const BuildRequest& request, const Path& scratch,
                                                const CancelToken& cancel);

}  // namespace skiff::builder
