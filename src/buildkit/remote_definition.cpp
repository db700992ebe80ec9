#include "buildkit/remote_definition.h"

#include "base/strings.h"
#include "control.pb.h"

namespace skiff::buildkit {

namespace {

constexpr std::string_view kGit = "git://";

std::string attribute(const wire::SourceOp& source, const std::string& name) {
  const auto given = source.attrs().find(name);
  return given == source.attrs().end() ? std::string() : given->second;
}

// The identifier has the reference and the directory; the full address only the attribute.
std::string git_url(const wire::SourceOp& source) {
  const std::string_view identifier = source.identifier();
  const size_t fragment = identifier.find('#');
  std::string url = attribute(source, "git.fullurl");
  if (url.empty()) {
    url = cat("https://", identifier.substr(kGit.size(), fragment - kGit.size()));
  }
  return fragment == std::string_view::npos ? url : cat(url, identifier.substr(fragment));
}

std::optional<RemoteSource> source_of(const wire::SourceOp& source) {
  const std::string& identifier = source.identifier();
  if (identifier.starts_with(kGit)) return RemoteSource{git_url(source), ""};
  if (!identifier.starts_with("https://") && !identifier.starts_with("http://")) return {};
  const std::string name = attribute(source, "http.filename");
  return RemoteSource{identifier, name.empty() ? "context" : name};
}

const wire::FileActionCopy* copy_of(const wire::Op& op) {
  const bool is_one = op.has_file() && op.file().actions_size() == 1;
  return is_one && op.file().actions(0).has_copy() ? &op.file().actions(0).copy() : nullptr;
}

// Of a repository's directory into an empty tree: "URL#ref:dir".
bool apply(const wire::FileActionCopy& copy, RemoteSource& source) {
  if (!source.file_name.empty() || copy.dest() != "/" || !copy.dircopycontents()) return false;
  std::string_view directory = copy.src();
  while (directory.starts_with('/')) directory.remove_prefix(1);
  if (directory.empty()) return true;
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
    } else if (i + 1 < definition.def_size() || op.has_file() || op.has_source()) {
      return std::nullopt;
    }
    if (!source) return std::nullopt;
  }
  return source;
}

}  // namespace skiff::buildkit
