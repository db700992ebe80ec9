#include "cli/build_origin.h"

#include <vector>

#include "base/strings.h"
#include "net/url.h"
#include "sys/process.h"

namespace skiff::cli {

namespace {

// What git prints; nullopt where it fails.
std::optional<std::string> git(const std::string& directory, std::vector<std::string> words) {
  words.insert(words.begin(), {"git", "-C", directory});
  const auto done = sys::run_captured({.args = std::move(words)});
  if (!done || done->code != 0) return std::nullopt;
  return std::string(trim(done->out));
}

}  // namespace

std::optional<BuildOrigin> find_origin(const std::string& directory) {
  auto commit = git(directory, {"rev-parse", "HEAD"});
  if (!commit) return std::nullopt;
  BuildOrigin out{.repository = {}, .commit = std::move(*commit)};
  const auto changed = git(directory, {"status", "--porcelain", "--untracked-files=no"});
  if (!changed || !changed->empty()) out.commit += "-dirty";
  const auto remote = git(directory, {"remote", "get-url", "origin"});
  if (remote) out.repository = net::shown_url(*remote);
  return out;
}

}  // namespace skiff::cli
