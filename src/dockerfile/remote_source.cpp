#include "dockerfile/remote_source.h"

#include <algorithm>
#include <vector>

#include "base/strings.h"
#include "net/http.h"

namespace skiff::dockerfile {

namespace {

Error invalid(std::string message) { return Error(Code::kInvalidArgument, std::move(message)); }

// "git@host:path".
bool is_scp_form(std::string_view text) {
  const size_t at = text.find('@');
  const size_t colon = text.find(':');
  const bool has_user = at != std::string_view::npos && at > 0 && colon != std::string_view::npos &&
                        at < colon && colon + 1 < text.size();
  return has_user && text.find('/') > at && text.find("://") == std::string_view::npos;
}

bool names_repository(std::string_view remote) {
  if (is_url(remote)) return remote.ends_with(".git");
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

}  // namespace

bool is_url(std::string_view source) {
  return source.starts_with("http://") || source.starts_with("https://");
}

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

}  // namespace skiff::dockerfile
