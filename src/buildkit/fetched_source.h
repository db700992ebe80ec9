// FetchedSource: the files of a RemoteSource, for a client that reads them.
#pragma once

#include <memory>
#include <string>

#include "base/file.h"
#include "builder/builder.h"
#include "buildkit/remote_definition.h"

namespace skiff::buildkit {

class FetchedSource {
 public:
  // `request` has whom to ask for secrets.
  static Result<std::shared_ptr<const FetchedSource>> fetch(const RemoteSource& source,
                                                            const builder::BuildRequest& request,
                                                            const Path& scratch,
                                                            const CancelToken& cancel);

  struct Stat {
    uint32_t mode = 0;  // st_mode
    uint64_t size = 0;
    int64_t modified = 0;  // nanoseconds since 1970
  };
  // Paths are below the source's directory, whatever links say; kNotFound.
  Result<Stat> stat(const std::string& path) const;
  // At most `length` bytes from `offset` on; kResourceExhausted for more than 16 MiB.
  Result<std::string> read(const std::string& path, uint64_t offset, uint64_t length) const;

 private:
  FetchedSource(TempDir keep, Path directory)
      : keep_(std::move(keep)), directory_(std::move(directory)) {}

  TempDir keep_;  // all of it lies below
  Path directory_;
};

// The part of a repository that `source` names, into the directory `into`, which is made.
Result<> fetch_part(const RemoteSource& source, const builder::BuildRequest& request,
                    const Path& scratch, const Path& into, const CancelToken& cancel);

}  // namespace skiff::buildkit
