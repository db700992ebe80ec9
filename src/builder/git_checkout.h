// How the files of a git repository are fetched, by the program git.
#pragma once

#include <string>

#include "base/cancellation.h"
#include "base/file.h"
#include "base/result.h"
#include "builder/builder.h"
#include "builder/vocabulary.h"
#include "dockerfile/remote_source.h"

namespace skiff::builder {

// What servers that do not know us are shown, over HTTP and over SSH.
struct GitAccess {
  std::string authorization;  // the value of that header, or ""
  std::string agent;          // a socket, or ""
};

// Of a build: its secrets GIT_AUTH_HEADER.HOST and GIT_AUTH_TOKEN.HOST, or those without a host,
// and its SSH agent "default"; the caller is asked for those that the request does not hold.
Result<GitAccess> git_access(const BuildRequest& request, const std::string& remote);

// The commit that the reference names now: 40 or 64 hex digits. Asks the server.
Result<std::string> find_commit(const GitSource& source, const GitAccess& access,
                                const CancelToken& cancel);

struct Checkout {
  bool keep_git_dir = false;
  bool commit_times = false;  // files and directories have the commit's time
};

// The time of the commit; of what is fetched for it into the new directory `into` no file is made.
Result<TimePoint> commit_time(const GitSource& source, const GitAccess& access,
                              const std::string& commit, const Path& into,
                              const CancelToken& cancel);

// Makes the new directory `into` a checkout of the commit, with its submodules; .git stays only
// where it is to be kept. Returns the commit's time.
Result<TimePoint> fetch_commit(const GitSource& source, const GitAccess& access,
                               const std::string& commit, const Checkout& wanted, const Path& into,
                               const CancelToken& cancel);

}  // namespace skiff::builder
