#include "cli/copy_files.h"

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "base/strings.h"
#include "cli/table.h"
#include "cli/terminal.h"
#include "cli/tree_tar.h"
#include "cli/unpack.h"
#include "codec/base64.h"

namespace skiff::cli {

namespace {

constexpr std::string_view kStatHeader = "X-Docker-Container-Path-Stat";
// Go's os.FileMode bits.
constexpr uint64_t kGoDirectory = uint64_t{1} << 31U;
constexpr uint64_t kGoSymlink = uint64_t{1} << 27U;

// "web:/etc" is a place in a container; "./a:b" and "/a" are of this machine.
struct Place {
  std::string container;
  std::string path;
};

Place parse_place(const std::string& text) {
  if (text.starts_with('/') || text.starts_with('.') || text == "-") return {"", text};
  auto parts = split_once(text, ':');
  if (!parts) return {"", text};
  return {std::string(parts->first), std::string(parts->second)};
}

// What is known of a path, there or here.
struct PathInfo {
  bool exists = false;
  bool directory = false;
  std::string link_target;
  std::string name;  // as the archive has it
};

PathInfo decode_stat(const std::string& header) {
  PathInfo out;
  auto text = base64_decode(header);
  auto stat = text ? json::parse(*text) : Result<json::Value>(json::Value());
  if (!stat) return out;
  auto mode = static_cast<uint64_t>(stat->integer("mode"));
  out.exists = true;
  out.directory = (mode & kGoDirectory) != 0;
  if ((mode & kGoSymlink) != 0) out.link_target = stat->string("linkTarget");
  out.name = stat->string("name");
  return out;
}

std::string archive_path(const Place& place, std::string_view more = "") {
  return container_path(place.container, cat("/archive?path=", net::url_encode(place.path), more));
}

Result<PathInfo> stat_in_container(Session& session, const Place& place) {
  net::ClientRequest request;
  request.method = "HEAD";
  request.target = archive_path(place);
  auto response = session.api.send(request);
  if (!response) {
    if (response.error().code() == Code::kNotFound) return PathInfo();
    return std::move(response.error());
  }
  return decode_stat(response->headers.get(kStatHeader));
}

bool wants_contents(std::string_view path) { return path == "." || path.ends_with("/."); }
bool wants_directory(std::string_view path) { return path.ends_with('/') || wants_contents(path); }

// Without trailing slashes and "/.".
std::string stripped(std::string path) {
  while (path.size() > 1 && (path.ends_with('/') || path.ends_with("/."))) path.pop_back();
  return path;
}

std::string base_name(const std::string& path) {
  std::string plain = stripped(path);
  size_t slash = plain.rfind('/');
  return slash == std::string::npos || plain.size() == 1 ? plain : plain.substr(slash + 1);
}

std::string directory_of(const std::string& path) {
  std::string plain = stripped(path);
  size_t slash = plain.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : plain.substr(0, slash);
}

void report(const Flags& flags, const std::string& from, const std::string& to) {
  if (flags.on("quiet") || !is_terminal(STDERR_FILENO)) return;
  print_error(cat("Successfully copied ", from, " to ", to, "\n"));
}

// Where a source ends up: in `directory`, under `name` ("": its contents only).
struct Landing {
  std::string directory;
  std::string name;
};

// Docker's rules for copying (docs of `docker cp`).
Result<Landing> choose(const std::string& source, bool source_directory, const std::string& path,
                       const PathInfo& there) {
  if (there.exists && there.directory) {
    return Landing{path, wants_contents(source) && source_directory ? "" : base_name(source)};
  }
  if (there.exists && source_directory) {
    return Error(Code::kFailedPrecondition, cat("cannot copy directory: ", path, " is a file"));
  }
  if (there.exists || !wants_directory(path) || source_directory) {
    if (there.exists && wants_directory(path)) {
      return Error(Code::kFailedPrecondition, cat(path, ": not a directory"));
    }
    return Landing{directory_of(path), base_name(path)};
  }
  return Error(Code::kNotFound, cat(path, ": no such directory"));
}

Result<> put_archive(Session& session, const Flags& flags, const Place& to, Source& body) {
  net::ClientRequest request;
  request.method = "PUT";
  request.target = archive_path(
      to, cat("&noOverwriteDirNonDir=true", flags.on("archive") ? "&copyUIDGID=true" : ""));
  request.headers.set("Content-Type", "application/x-tar");
  request.stream = &body;
  TRY(session.api.send(request));
  return {};
}

// A link at the destination means what it points to.
Result<PathInfo> stat_followed(Session& session, Place& to) {
  PathInfo there = TRY(stat_in_container(session, to));
  if (there.link_target.empty()) return there;
  bool absolute = there.link_target.starts_with('/');
  to.path = absolute ? there.link_target : cat(directory_of(to.path), "/", there.link_target);
  return stat_in_container(session, to);
}

Outcome copy_in(Session& session, const Flags& flags, const std::string& source, Place to) {
  PathInfo there = TRY(stat_followed(session, to));
  if (source == "-") {
    if (there.exists && !there.directory) {
      return Error(Code::kFailedPrecondition,
                   cat("destination \"", to.container, ":", to.path, "\" must be a directory"));
    }
    FdSource input(STDIN_FILENO);
    TRY(put_archive(session, flags, to, input));
    return 0;
  }
  std::error_code ec;
  Path root = std::filesystem::absolute(stripped(source), ec);
  struct stat status{};
  bool follow = flags.on("follow-link") || wants_directory(source);
  if ((follow ? ::stat(root.c_str(), &status) : ::lstat(root.c_str(), &status)) != 0) {
    return Error(Code::kNotFound, cat("lstat ", root.native(), ": no such file or directory"));
  }
  if (wants_directory(source) && !S_ISDIR(status.st_mode)) {
    return Error(Code::kFailedPrecondition, cat(source, ": not a directory"));
  }
  if (follow) root = std::filesystem::canonical(root, ec);
  std::string name = source == "." ? root.native() + "/." : source;
  auto destination = TRY(choose(name, S_ISDIR(status.st_mode), to.path, there));
  TreeTar tar(root, {.top = destination.name, .keep_owners = true});
  Place directory{to.container, destination.directory};
  TRY(put_archive(session, flags, directory, tar));
  report(flags, source, cat(to.container, ":", to.path));
  return 0;
}

PathInfo stat_here(const std::string& path) {
  struct stat status{};
  PathInfo out;
  if (::stat(path.c_str(), &status) != 0) return out;
  out.exists = true;
  out.directory = S_ISDIR(status.st_mode);
  return out;
}

// What a copy out of a container meets at `path`: a link means what it leads to, there or not, and
// then `path` becomes that.
Result<PathInfo> stat_target(std::string& path) {
  constexpr int kMostLinks = 10;
  std::error_code ec;
  if (wants_directory(path)) {
    const bool there = std::filesystem::exists(std::filesystem::symlink_status(stripped(path), ec));
    if (there && !stat_here(path).directory) {
      return Error(Code::kFailedPrecondition, cat(path, ": not a directory"));
    }
    return stat_here(path);
  }
  for (int links = 0; std::filesystem::is_symlink(path, ec); ++links) {
    if (links == kMostLinks) return Error(Code::kFailedPrecondition, cat(path, ": too many links"));
    path = Path(path).parent_path() / std::filesystem::read_symlink(path, ec);
  }
  return stat_here(path);
}

// The archive's names begin with the source's own; here they begin with `name` instead.
std::string renamed(const std::string& entry, const std::string& source, const std::string& name) {
  std::string_view rest = entry;
  while (rest.starts_with("./")) rest.remove_prefix(2);
  if (rest == ".") rest = "";
  if (rest == source || rest.starts_with(source + "/")) {
    rest.remove_prefix(source.size());
    while (rest.starts_with('/')) rest.remove_prefix(1);
  }
  if (name.empty()) return std::string(rest);
  return rest.empty() ? name : cat(name, "/", rest);
}

Outcome copy_out(Session& session, const Flags& flags, Place from, std::string target) {
  const std::string asked = from.path;
  if (flags.on("follow-link")) TRY(stat_followed(session, from));
  net::ClientRequest request;
  request.target = archive_path(from);
  auto response = TRY(session.api.send(request));
  if (target == "-") {
    FdSink out(STDOUT_FILENO);
    TRY(copy(*response.body, out));
    return 0;
  }
  PathInfo source = decode_stat(response.headers.get(kStatHeader));
  PathInfo here = TRY(stat_target(target));
  auto destination = TRY(choose(asked, source.directory, target, here));
  if (!stat_here(destination.directory).directory) {
    return Error(Code::kNotFound, cat("invalid output path: directory ",
                                      skiff::quoted(destination.directory), " does not exist"));
  }
  if (!here.exists && source.directory && !destination.name.empty()) {
    std::error_code ec;
    std::filesystem::create_directory(stripped(target), ec);
  }
  std::string top = wants_contents(from.path) ? "" : source.name;
  UnpackOptions options{.place =
                            [&](const std::string& entry) {
                              return renamed(entry, top.empty() ? base_name(from.path) : top,
                                             destination.name);
                            },
                        .owners = flags.on("archive")};
  TRY(unpack(*response.body, destination.directory, options));
  report(flags, cat(from.container, ":", from.path), target);
  return 0;
}

}  // namespace

Outcome copy_files(Session& session, Flags& flags) {
  Place from = parse_place(flags.args[0]);
  Place to = parse_place(flags.args[1]);
  if (!from.container.empty() && !to.container.empty()) {
    return Error(Code::kUnimplemented, "copying between containers is not supported");
  }
  if (from.container.empty() && to.container.empty()) {
    return Error(Code::kInvalidArgument, "must specify at least one container source");
  }
  if (from.container.empty()) return copy_in(session, flags, from.path, std::move(to));
  return copy_out(session, flags, std::move(from), to.path);
}

}  // namespace skiff::cli
