#include "buildkit/remote_definition.h"

#include <algorithm>
#include <array>
#include <vector>

#include "base/strings.h"
#include "control.pb.h"
#include "dockerfile/remote_source.h"

namespace skiff::buildkit {

namespace {

constexpr std::string_view kGit = "git://";

std::string attribute(const wire::SourceOp& source, const std::string& name) {
  const auto given = source.attrs().find(name);
  return given == source.attrs().end() ? std::string() : given->second;
}

// The identifier has the reference and the directory; the full address only the attribute. What is
// a repository by its scheme is one here, too, whatever its address ends with.
std::string git_address(const wire::SourceOp& source) {
  const std::string_view identifier = source.identifier();
  const size_t fragment = std::min(identifier.find('#'), identifier.size());
  const std::string_view place = identifier.substr(kGit.size(), fragment - kGit.size());
  std::string url = attribute(source, "git.fullurl");
  if (url.empty()) url = cat("https://", place);
  const auto read = dockerfile::parse_git_source(url);
  if (read && !*read) url.insert(0, "git+");
  return url;
}

// As the builder reads it: "URL?checksum=COMMIT#ref:dir"; none of what it would not read so.
std::optional<std::string> git_url(const wire::SourceOp& source) {
  std::vector<std::string> keys;
  const std::string commit = attribute(source, "git.checksum");
  if (commit.find_first_not_of("0123456789abcdef") != std::string::npos) return std::nullopt;
  if (!commit.empty()) keys.push_back(cat("checksum=", commit));
  if (attribute(source, "git.skipsubmodules") == "true") keys.emplace_back("submodules=0");
  if (attribute(source, "git.fetchbycommit") == "true") keys.emplace_back("fetch-by-commit=1");
  const std::string times = attribute(source, "git.mtime");
  if (!times.empty()) keys.push_back(cat("mtime=", times));
  const std::string address = git_address(source);
  if (address.find_first_of("?#") != std::string::npos) return std::nullopt;
  const std::string& identifier = source.identifier();
  const std::string out = cat(address, keys.empty() ? "" : "?", join(keys, "&"),
                              identifier.substr(std::min(identifier.find('#'), identifier.size())));
  const auto read = dockerfile::parse_git_source(out);
  if (!read || !*read || (*read)->checksum != commit) return std::nullopt;
  return out;
}

std::optional<RemoteSource> file_of(const wire::SourceOp& source) {
  const std::string name = attribute(source, "http.filename");
  RemoteSource out{source.identifier(), name.empty() ? "context" : name};
  const std::string wanted = attribute(source, "http.checksum");
  if (wanted.empty()) return out;
  const auto checksum = oci::Digest::parse(wanted);
  if (!checksum) return std::nullopt;
  out.checksum = *checksum;
  return out;
}

// What an attribute asks for beyond these is not done.
bool only_known(const wire::SourceOp& source) {
  static constexpr auto kKnown = std::to_array<std::string_view>(
      {"git.fullurl", "git.keepgitdir", "git.authtokensecret", "git.authheadersecret",
       "git.knownsshhosts", "git.mountsshsock", "git.checksum", "git.skipsubmodules", "git.mtime",
       "git.fetchbycommit", "http.filename", "http.checksum"});
  return std::ranges::all_of(source.attrs(), [](const auto& attribute) {
    return std::ranges::find(kKnown, attribute.first) != kKnown.end();
  });
}

std::optional<RemoteSource> source_of(const wire::SourceOp& source) {
  const std::string& identifier = source.identifier();
  if (!only_known(source)) return std::nullopt;
  if (identifier.starts_with(kGit)) {
    const auto url = git_url(source);
    return url ? std::optional(RemoteSource{*url, ""}) : std::nullopt;
  }
  if (!identifier.starts_with("https://") && !identifier.starts_with("http://")) return {};
  return file_of(source);
}

const wire::FileActionCopy* copy_of(const wire::Op& op) {
  if (!op.has_file() || op.file().actions_size() != 1 || op.inputs_size() != 1) return nullptr;
  const wire::FileAction& action = op.file().actions(0);
  return action.input() == -1 && action.has_copy() ? &action.copy() : nullptr;
}

// The last one, which has nothing but the number of the result.
bool is_end(const wire::Op& op) {
  return op.inputs_size() == 1 && !op.has_file() && !op.has_source() && op.exec().empty() &&
         op.build().empty() && op.merge().empty() && op.diff().empty();
}

// Of files as they are.
bool is_plain(const wire::FileActionCopy& copy) {
  return copy.dest() == "/" && !copy.has_owner() && copy.mode() <= 0 && copy.mode_text().empty() &&
         copy.timestamp() <= 0 && copy.include_patterns().empty() &&
         copy.exclude_patterns().empty() && copy.src().find_first_of("*?[\\") == std::string::npos;
}

// Of a repository into an empty tree: of a directory's contents "URL#ref:dir".
bool apply(const wire::FileActionCopy& copy, RemoteSource& source) {
  if (!source.file_name.empty() || !source.part.empty() || !is_plain(copy)) return false;
  std::string_view directory = copy.src();
  while (directory.starts_with('/')) directory.remove_prefix(1);
  if (directory.empty() || directory == ".") return true;
  if (!copy.dir_copy_contents()) {
    source.part = directory;
    return true;
  }
  const size_t fragment = source.url.find('#');
  const bool has_directory =
      fragment != std::string::npos && source.url.find(':', fragment) != std::string::npos;
  if (fragment == std::string::npos) source.url += '#';
  source.url += cat(has_directory ? "/" : ":", directory);
  return true;
}

}  // namespace

std::optional<RemoteSource> remote_source_of(const wire::Definition& definition) {
  std::optional<RemoteSource> source;
  for (int i = 0; i < definition.def_size(); ++i) {
    wire::Op op;
    if (!op.ParseFromString(definition.def(i))) return std::nullopt;
    if (op.has_source() && !source) {
      source = source_of(op.source());
    } else if (const auto* copy = copy_of(op); copy && source) {
      if (!apply(*copy, *source)) return std::nullopt;
    } else if (i + 1 < definition.def_size() || !is_end(op)) {
      return std::nullopt;
    }
    if (!source) return std::nullopt;
  }
  return source;
}

}  // namespace skiff::buildkit
