// RemoteContext: the files of a build context that is fetched: a git repository, an archive of the
// web, or a Dockerfile of the web.
#pragma once

#include <optional>
#include <string>

#include "base/cancellation.h"
#include "base/file.h"
#include "base/result.h"
#include "base/strings.h"
#include "builder/builder.h"
#include "builder/downloads.h"

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
  // Of all files, where that is so: the commit's.
  std::optional<TimePoint> of_files = std::nullopt;
  // The same as SourceTree has it.
  std::string times() const { return of_files ? cat(unix_seconds(*of_files)) : ""; }
};

// "https://host/a.git#ref:subdirectory", "git@host:a.git", "github.com/owner/name" and what else
// parse_git_source() knows; or an archive, compressed or not; or any other file.
Result<FetchedContext> fetch_context(const std::string& url, const BuildRequest& request,
                                     const Path& scratch, const CancelToken& cancel);

// What an ADD names elsewhere, as it was when a build took its time from it: its step has the same.
struct TakenSource {
  std::string source;  // as the ADD has it, expanded
  std::string checksum;
  std::optional<TimePoint> time;  // as fetch_context() would tell it
  std::string commit;             // of a repository; else
  std::optional<TempDir> keep;    // where the file is
  std::string file;

  bool is_of(const std::string& other, const std::string& its_checksum) const {
    return source == other && checksum == its_checksum;
  }
};

// Of a repository nothing is checked out, and of an archive nothing is unpacked.
Result<TakenSource> take_source(const std::string& source, const std::string& checksum,
                                const BuildRequest& request, Downloads& downloads,
                                const Path& scratch, const CancelToken& cancel);

}  // namespace skiff::builder
