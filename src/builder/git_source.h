// GitSource: a repository that ADD or a build context names, and how its files are fetched, by
// the program git.
//
//   https://example.com/a.git#v1:docs        the directory docs of branch, tag or commit v1
//   https://example.com/a.git?ref=v1&subdir=docs&keep-git-dir=1&submodules=0&checksum=0123abc
//   git@example.com:a.git, ssh://git@example.com/a.git, git://example.com/a.git
#pragma once

#include <optional>
#include <string>

#include "base/cancellation.h"
#include "base/file.h"
#include "base/result.h"

namespace skiff::builder {

struct GitSource {
  std::string remote;
  std::string ref;                   // branch, tag or commit; "" is the remote's HEAD
  std::string subdirectory;          // "" or "docs/en"
  std::string checksum;              // the commit, or how it begins
  std::optional<bool> keep_git_dir;  // where the address says so
  bool submodules = true;
};

// nullopt for what is no repository's address; an error for one that contradicts itself.
Result<std::optional<GitSource>> parse_git_source(const std::string& text);

// The commit that the reference names now: 40 or 64 hex digits. Asks the server.
Result<std::string> find_commit(const GitSource& source, const CancelToken& cancel);

// Makes the new directory `into` a checkout of the commit, with its submodules; .git stays only
// where it is to be kept.
Result<> fetch_commit(const GitSource& source, const std::string& commit, bool keep_git_dir,
                      const Path& into, const CancelToken& cancel);

}  // namespace skiff::builder
