// Files of the client's directories, over its session (moby.filesync.v1.FileSync).
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/cancellation.h"
#include "base/file.h"
#include "base/io.h"
#include "builder/local_sources.h"
#include "buildkit/sessions.h"

namespace skiff::buildkit {

struct SyncRequest {
  std::string directory;             // as the session calls it: "context"
  std::vector<std::string> follow;   // these paths alone, with what they link to; empty: all
  std::vector<std::string> exclude;  // patterns of .dockerignore
  Path into;                         // an empty directory
};

// `progress` is told of the bytes that have come.
Result<> sync_files(Session& session, const SyncRequest& request,
                    const std::function<void(uint64_t)>& progress, const CancelToken& cancel);

// The same into the tree that an earlier transfer of the same request by the same client has left:
// only what has changed comes. `request.into` is not looked at. nullopt: such a transfer is at
// work, and its client does not go on.
Result<std::optional<builder::LocalSources::Use>> sync_source(
    Session& session, const SyncRequest& request, builder::LocalSources& sources,
    const std::function<void(uint64_t)>& progress, const CancelToken& cancel);

// The names in a directory of `request.directory`, but for what is excluded; `request.follow` and
// `into` are not looked at. No contents come. Of very many, or where the path has characters of
// patterns, it is an error.
Result<std::vector<std::string>> sync_names(Session& session, const SyncRequest& request,
                                            const std::string& path, const CancelToken& cancel);

// A tar, plain or compressed, unpacked into an empty directory; all of it is read.
Result<> unpack_tar(Source& tar, const Path& into, const std::function<void(uint64_t)>& progress,
                    const CancelToken& cancel);

// The same of the tar that the client holds ready under `path` (moby.upload.v1.Upload).
Result<> unpack_upload(Session& session, const std::string& path, const Path& into,
                       const std::function<void(uint64_t)>& progress, const CancelToken& cancel);

}  // namespace skiff::buildkit
