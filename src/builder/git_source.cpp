#include "builder/git_source.h"

#include <algorithm>
#include <cstdlib>
#include <vector>

#include "base/strings.h"
#include "net/http.h"
#include "sys/process.h"

namespace skiff::builder {

namespace {

constexpr size_t kSha1Digits = 40;
constexpr size_t kSha256Digits = 64;

Error invalid(std::string message) { return Error(Code::kInvalidArgument, std::move(message)); }

bool is_hex(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

bool is_commit(std::string_view text) {
  return is_hex(text) && (text.size() == kSha1Digits || text.size() == kSha256Digits);
}

bool is_web(std::string_view text) {
  return text.starts_with("http://") || text.starts_with("https://");
}

// "git@host:path".
bool is_scp_form(std::string_view text) {
  const size_t at = text.find('@');
  const size_t colon = text.find(':');
  const bool has_user = at != std::string_view::npos && at > 0 && colon != std::string_view::npos &&
                        at < colon && colon + 1 < text.size();
  return has_user && text.find('/') > at && text.find("://") == std::string_view::npos;
}

bool names_repository(std::string_view remote) {
  if (is_web(remote)) return remote.ends_with(".git");
  return remote.starts_with("git://") || remote.starts_with("ssh://") || is_scp_form(remote);
}

// A path that stays inside: "docs//en/" is "docs/en".
Result<std::string> clean_subdirectory(std::string_view text) {
  std::vector<std::string> parts = split(text, '/');
  std::erase_if(parts, [](const std::string& part) { return part.empty() || part == "."; });
  if (std::ranges::find(parts, "..") != parts.end()) {
    return invalid(cat("subdirectory ", skiff::quoted(text), " leads out of the repository"));
  }
  return join(parts, "/");
}

Result<bool> parse_switch(const std::string& key, std::string_view value) {
  if (value.empty() || value == "1" || value == "true") return true;
  if (value == "0" || value == "false") return false;
  return invalid(cat("invalid ", key, " value: ", skiff::quoted(value)));
}

Result<> read_parameter(const std::string& key, const std::string& value, GitSource& out) {
  if (key == "ref" || key == "branch" || key == "tag") {
    if (!out.ref.empty() && out.ref != value) {
      return invalid(cat("the references ", skiff::quoted(out.ref), " and ", skiff::quoted(value),
                         " are both given"));
    }
    out.ref = value;
  } else if (key == "subdir") {
    out.subdirectory = TRY(clean_subdirectory(value));
  } else if (key == "checksum" || key == "commit") {
    out.checksum = value;
  } else if (key == "keep-git-dir") {
    out.keep_git_dir = TRY(parse_switch(key, value));
  } else if (key == "submodules") {
    out.submodules = TRY(parse_switch(key, value));
  } else {
    return invalid(cat("unexpected query ", skiff::quoted(key)));
  }
  return {};
}

Result<> read_query(std::string_view query, GitSource& out) {
  for (const std::string& pair : split(query, '&')) {
    if (pair.empty()) continue;
    const auto parts = split_once(pair, '=');
    const std::string key = net::url_decode(parts ? parts->first : std::string_view(pair));
    TRY(read_parameter(key, net::url_decode(parts ? parts->second : ""), out));
  }
  return {};
}

// "v1:docs".
Result<> read_fragment(std::string_view fragment, GitSource& out) {
  const auto parts = split_once(fragment, ':');
  const std::string ref(parts ? parts->first : fragment);
  if (!ref.empty()) TRY(read_parameter("ref", ref, out));
  if (parts) out.subdirectory = TRY(clean_subdirectory(parts->second));
  return {};
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

Result<std::optional<GitSource>> parse_git_source(const std::string& text) {
  GitSource out;
  const size_t hash = text.find('#');
  const std::string address = text.substr(0, hash);
  const size_t question = is_scp_form(address) ? std::string::npos : address.find('?');
  out.remote = address.substr(0, question);
  if (!names_repository(out.remote)) return std::nullopt;
  if (question != std::string::npos) {
    TRY_CONTEXT(read_query(std::string_view(address).substr(question + 1), out), text);
  }
  if (hash != std::string::npos) {
    TRY_CONTEXT(read_fragment(std::string_view(text).substr(hash + 1), out), text);
  }
  if (out.ref.starts_with('-')) return invalid(cat(text, ": invalid reference"));
  return out;
}

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
