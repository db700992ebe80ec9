#include "builder/git_checkout.h"

#include <cstdlib>
#include <vector>

#include "base/strings.h"
#include "builder/asked_of_caller.h"
#include "builder/tree_times.h"
#include "codec/base64.h"
#include "net/url.h"
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

// "://ana:password@", else "://".
std::string login_of(const std::string& remote) {
  const size_t scheme = remote.find("://");
  const size_t length = remote.size() - net::shown_url(remote).size();
  return scheme == std::string::npos ? "://" : remote.substr(scheme, 3 + length);
}

// "https://host:port/" of an address of the web, else "".
std::string origin_of(const std::string& remote) {
  if (!is_url(remote)) return "";
  const size_t host = remote.find("://") + 3;
  return cat(remote.substr(0, std::min(remote.find('/', host), remote.size())), "/");
}

// Without the system's and the user's configuration, keys and agent: what is fetched is the same
// everywhere, no helper of theirs runs, and a build opens what its secrets open, not what the
// daemon's user may.
std::vector<std::string> environment(const std::string& remote, const GitAccess& access) {
  std::vector<std::string> out{"GIT_CONFIG_NOSYSTEM=1",
                               "GIT_CONFIG_GLOBAL=/dev/null",
                               "GIT_TERMINAL_PROMPT=0",
                               "GIT_ALLOW_PROTOCOL=http:https:git:ssh",
                               "GIT_SSH_COMMAND=ssh -F none -o BatchMode=yes -o IdentityFile=none",
                               "HOME=/nonexistent",
                               "LC_ALL=C"};
  for (const char* name : {"PATH", "http_proxy", "https_proxy", "HTTPS_PROXY", "no_proxy",
                           "NO_PROXY", "all_proxy", "ALL_PROXY"}) {
    if (const char* value = std::getenv(name)) out.push_back(cat(name, "=", value));
  }
  if (!access.agent.empty()) out.push_back(cat("SSH_AUTH_SOCK=", access.agent));
  // Seen by nobody else, as arguments would be; sent to no other server.
  if (const std::string origin = origin_of(remote);
      !access.authorization.empty() && !origin.empty()) {
    out.insert(out.end(),
               {"GIT_CONFIG_COUNT=1", cat("GIT_CONFIG_KEY_0=http.", origin, ".extraHeader"),
                cat("GIT_CONFIG_VALUE_0=Authorization: ", access.authorization)});
  }
  return out;
}

// The program for one remote.
class Git {
 public:
  Git(const std::string& remote, const GitAccess& access)
      : environment_(environment(remote, access)), login_(login_of(remote)) {}

  // Files get the modes that a checkout with umask 022 gives them, whatever ours is.
  Result<std::string> run(std::vector<std::string> words, const CancelToken& cancel) const {
    std::vector<std::string> args{"/bin/sh", "-c", "umask 022; exec git \"$@\"", "git"};
    args.insert(args.end(), words.begin(), words.end());
    auto done = TRY(sys::run_captured({.args = std::move(args), .env = environment_}, {}, cancel));
    constexpr int kNoSuchProgram = 127;
    if (done.code == 0) return std::move(done.out);
    if (done.code == kNoSuchProgram) {
      return Error(Code::kFailedPrecondition, "git is not installed");
    }
    return Error(Code::kUnavailable, cat("git: ", replace_all(trim(done.err), login_, "://")));
  }

  Result<std::string> run_in(const Path& directory, std::vector<std::string> words,
                             const CancelToken& cancel) const {
    std::vector<std::string> all{"-C", directory.native()};
    all.insert(all.end(), words.begin(), words.end());
    return run(std::move(all), cancel);
  }

 private:
  std::vector<std::string> environment_;
  std::string login_;  // nothing that was fetched is told with it
};

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

Result<GitAccess> git_access(const BuildRequest& request, const std::string& remote) {
  const auto secret = [&](const std::string& id) -> Result<std::string> {
    const auto found = TRY(look_up(request.secrets, request.find_secret, id));
    return found ? std::string(trim(*found)) : std::string();
  };
  const std::string origin = origin_of(remote);
  const std::string host = origin.empty() ? "" : origin.substr(origin.find("://") + 3);
  const std::string end = host.empty() ? "" : cat(".", host.substr(0, host.size() - 1));
  GitAccess out;
  // Of a submodule, perhaps, where the repository itself comes from the web.
  out.agent = TRY(look_up(request.ssh_agents, request.find_ssh_agent, "default")).value_or(Path());
  for (const std::string& of : {end, std::string()}) {
    if (out.authorization.empty()) out.authorization = TRY(secret(cat("GIT_AUTH_HEADER", of)));
    if (!out.authorization.empty()) break;
    const std::string token = TRY(secret(cat("GIT_AUTH_TOKEN", of)));
    if (token.empty()) continue;
    out.authorization = cat("basic ", base64_encode(cat("x-access-token:", token)));
  }
  return out;
}

Result<std::string> find_commit(const GitSource& source, const GitAccess& access,
                                const CancelToken& cancel) {
  const std::string shown = net::shown_url(source.remote);
  const std::string ref = source.ref.empty() ? "HEAD" : source.ref;
  if (source.by_commit && !is_commit(source.checksum)) {
    return Error(Code::kInvalidArgument, cat(shown, ": fetch-by-commit needs a whole commit, ",
                                             skiff::quoted(source.checksum), " is none"));
  }
  if (source.by_commit) return source.checksum;
  std::string commit = is_commit(ref) ? ref : "";
  if (commit.empty()) {
    const std::string listing =
        TRY_CONTEXT(Git(source.remote, access)
                        .run({"ls-remote", "--", source.remote, ref, cat(ref, "^{}")}, cancel),
                    shown);
    commit = choose(listing, ref);
  }
  if (commit.empty()) {
    return Error(Code::kNotFound, cat(shown, ": no branch or tag is called ", skiff::quoted(ref)));
  }
  if (!source.checksum.empty() && !commit.starts_with(source.checksum)) {
    return Error(Code::kFailedPrecondition,
                 cat(shown, ": expected checksum ", source.checksum, ", got ", commit));
  }
  return commit;
}

namespace {

Result<> fetch_objects(const Git& git, const GitSource& source, const std::string& commit,
                       const Path& into, const CancelToken& cancel) {
  TRY(git.run({"init", "--quiet", "--initial-branch=main", "--", into.native()}, cancel));
  TRY(git.run_in(into, {"remote", "add", "origin", source.remote}, cancel));
  // Not each server gives a commit that nobody asks for by a branch or tag: then all of them.
  auto fetched = git.run_in(into, {"fetch", "--quiet", "--depth=1", "origin", commit}, cancel);
  if (fetched) return {};
  TRY(cancel.check());
  TRY_CONTEXT(
      git.run_in(into,
                 {"fetch", "--quiet", "--tags", "origin", "+refs/heads/*:refs/remotes/origin/*"},
                 cancel),
      net::shown_url(source.remote));
  return {};
}

Result<TimePoint> time_in(const Git& git, const std::string& commit, const Path& repository,
                          const CancelToken& cancel) {
  const std::string seconds =
      TRY(git.run_in(repository, {"show", "--no-patch", "--format=%ct", commit}, cancel));
  return TimePoint(std::chrono::seconds(parse_int(trim(seconds)).value_or(0)));
}

}  // namespace

Result<TimePoint> commit_time(const GitSource& source, const GitAccess& access,
                              const std::string& commit, const Path& into,
                              const CancelToken& cancel) {
  const Git git(source.remote, access);
  TRY(fetch_objects(git, source, commit, into, cancel));
  return time_in(git, commit, into, cancel).context(net::shown_url(source.remote));
}

Result<TimePoint> fetch_commit(const GitSource& source, const GitAccess& access,
                               const std::string& commit, const Checkout& wanted, const Path& into,
                               const CancelToken& cancel) {
  const Git git(source.remote, access);
  const std::string shown = net::shown_url(source.remote);
  TRY(fetch_objects(git, source, commit, into, cancel));
  TRY_CONTEXT(git.run_in(into, {"checkout", "--quiet", "--detach", commit}, cancel), shown);
  if (source.submodules) {
    TRY_CONTEXT(
        git.run_in(into, {"submodule", "--quiet", "update", "--init", "--recursive", "--depth=1"},
                   cancel),
        shown);
  }
  const TimePoint time = TRY(time_in(git, "HEAD", into, cancel));
  if (!wanted.keep_git_dir) TRY(remove_tree(into / ".git"));
  if (wanted.commit_times) TRY(set_tree_times(into, time));
  return time;
}

}  // namespace skiff::builder
