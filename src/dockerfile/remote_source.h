// What a source of ADD, or a build context, names that is not among the files: a URL, or a git
// repository.
//
//   https://example.com/a.git#v1:docs        the directory docs of branch, tag or commit v1
//   https://example.com/a.git?ref=v1&subdir=docs&keep-git-dir=1&submodules=0&checksum=0123abc
//   git@example.com:a.git, ssh://git@example.com/a.git, git://example.com/a
//   git+https://example.com/a                of a server whose addresses do not end so
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace skiff::dockerfile {

bool is_url(std::string_view source);

struct GitSource {
  std::string remote;
  std::string ref;                   // branch, tag or commit; "" is the remote's HEAD
  std::string subdirectory;          // "" or "docs/en"
  std::string checksum;              // the commit, or how it begins
  std::optional<bool> keep_git_dir;  // where the address says so
  // Whether files have the commit's time, not that of their checkout; where the address says so.
  std::optional<bool> commit_times;
  bool submodules = true;
  bool by_commit = false;  // of the commit that the checksum is, wherever the reference is now
};

// nullopt for what is no repository's address; an error for one that contradicts itself.
Result<std::optional<GitSource>> parse_git_source(const std::string& text);
// The same of a build context, which may also be "github.com/owner/name".
Result<std::optional<GitSource>> parse_git_context(const std::string& text);

}  // namespace skiff::dockerfile
