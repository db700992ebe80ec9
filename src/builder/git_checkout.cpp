#include "builder/git_checkout.h"

#include <cstdlib>
#include <vector>

#include "base/strings.h"
#include "sys/process.h"

namespace skiff::builder {

namespace {

constexpr size_t kSha1Digits = 40;
constexpr size_t kSha256Digits = 64;

bool is_hex(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

bool is_commit(std::string_view text) {
  return is_hex(text) && (text.size() == kSha1Digits || text.size() == kSha256Digits);
}

// Without the system's and the user's configuration: what is fetched is the same everywhere, and
// no helper of theirs runs.
std::vector<std::string> environment() {
  std::vector<std::string> out{"GIT_CONFIG_NOSYSTEM=1",
                               "GIT_CONFIG_GLOBAL=/dev/null",
                               "GIT_TERMINAL_PROMPT=0",
                               "GIT_ALLOW_PROTOCOL=http:https:git:ssh",
                               "GIT_SSH_COMMAND=ssh -F none -o BatchMode=yes",
                               "LC_ALL=C"};
  for (const char* name : {"PATH", "HOME", "http_proxy", "https_proxy", "HTTPS_PROXY", "no_proxy",
                           "NO_PROXY", "all_proxy", "ALL_PROXY", "SSH_AUTH_SOCK"}) {
    if (const char* value = std::getenv(name)) out.push_back(cat(name, "=", value));
  }
  return out;
}

// Files get the modes that a checkout with umask 022 gives them, whatever ours is.
Result<std::string> run_git(std::vector<std::string> words, const CancelToken& cancel) {
  std::vector<std::string> args{"/bin/sh", "-c", "umask 022; exec git \"$@\"", "git"};
  args.insert(args.end(), words.begin(), words.end());
  auto done = TRY(sys::run_captured({.args = std::move(args), .env = environment()}, {}, cancel));
  constexpr int kNoSuchProgram = 127;
  if (done.code == 0) return std::move(done.out);
  if (done.code == kNoSuchProgram) return Error(Code::kFailedPrecondition, "git is not installed");
  return Error(Code::kUnavailable, cat("git: ", trim(done.err)));
}

Result<std::string> git_in(const Path& directory, std::vector<std::string> words,
                           const CancelToken& cancel) {
  std::vector<std::string> all{"-C", directory.native()};
  all.insert(all.end(), words.begin(), words.end());
  return run_git(std::move(all), cancel);
}

// The line of `git ls-remote` that the reference means: a branch before a tag, and of an
// annotated tag the commit it points to.
std::string choose(std::string_view listing, const std::string& ref) {
  std::string branch;
  std::string tag;
  std::string other;
  for (const std::string& line : split(listing, '\n')) {
    const auto parts = split_once(line, '\t');
    if (!parts) continue;
    const std::string commit(parts->first);
    const std::string_view name = parts->second;
    if (name == cat("refs/heads/", ref)) branch = commit;
    if (name == cat("refs/tags/", ref) && tag.empty()) tag = commit;
    if (name == cat("refs/tags/", ref, "^{}")) tag = commit;
    if (name == ref) other = commit;
    if (name == cat(ref, "^{}")) other = commit;
  }
  return !branch.empty() ? branch : !tag.empty() ? tag : other;
}

}  // namespace

Result<std::string> find_commit(const GitSource& source, const CancelToken& cancel) {
  const std::string ref = source.ref.empty() ? "HEAD" : source.ref;
  std::string commit = is_commit(ref) ? ref : "";
  if (commit.empty()) {
    const std::string listing = TRY_CONTEXT(
        run_git({"ls-remote", "--", source.remote, ref, cat(ref, "^{}")}, cancel), source.remote);
    commit = choose(listing, ref);
  }
  if (commit.empty()) {
    return Error(Code::kNotFound,
                 cat(source.remote, ": no branch or tag is called ", skiff::quoted(ref)));
  }
  if (!source.checksum.empty() && !commit.starts_with(source.checksum)) {
    return Error(Code::kFailedPrecondition,
                 cat(source.remote, ": expected checksum ", source.checksum, ", got ", commit));
  }
  return commit;
}

Result<> fetch_commit(const GitSource& source, const std::string& commit, bool keep_git_dir,
                      const Path& into, const CancelToken& cancel) {
  TRY(run_git({"init", "--quiet", "--initial-branch=main", "--", into.native()}, cancel));
  TRY(git_in(into, {"remote", "add", "origin", source.remote}, cancel));
  // Not each server gives a commit that nobody asks for by a branch or tag: then all of them.
  auto fetched = git_in(into, {"fetch", "--quiet", "--depth=1", "origin", commit}, cancel);
  if (!fetched) {
    TRY(cancel.check());
    TRY_CONTEXT(
        git_in(into,
               {"fetch", "--quiet", "--tags", "origin", "+refs/heads/*:refs/remotes/origin/*"},
               cancel),
        source.remote);
  }
  TRY_CONTEXT(git_in(into, {"checkout", "--quiet", "--detach", commit}, cancel), source.remote);
  if (source.submodules) {
    TRY_CONTEXT(
        git_in(into, {"submodule", "--quiet", "update", "--init", "--recursive", "--depth=1"},
               cancel),
        source.remote);
  }
  if (keep_git_dir) return {};
  return remove_tree(into / ".git");
}

}  // namespace skiff::builder
