// How the files of a git repository are fetched, by the program git.
#pragma once

#include <string>

#include "base/cancellation.h"
#include "base/file.h"
#include "base/result.h"
#include "builder/vocabulary.h"
#include "dockerfile/remote_source.h"

namespace skiff::builder {

// The commit that the reference names now: 40 or 64 hex digits. Asks the server.
Result<std::string> find_commit(const GitSource& source, const CancelToken& cancel);

// Makes the new directory `into` a checkout of the commit, with its submodules; .git stays only
// where it is to be kept.
Result<> fetch_commit(const GitSource& source, const std::string& commit, bool keep_git_dir,
                      const Path& into, const CancelToken& cancel);

}  // namespace skiff::builder
