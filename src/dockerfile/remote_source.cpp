#include "dockerfile/remote_source.h"

#include <algorithm>
#include <cctype>
#include <set>
#include <vector>

#include "base/strings.h"
#include "base/truth.h"
#include "net/http.h"
#include "net/url.h"

namespace skiff::dockerfile {

namespace {

constexpr std::string_view kForced = "git+";

bool has_only(std::string_view text, std::string_view others) {
  return !text.empty() && std::ranges::all_of(text, [&](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || others.contains(c);
  });
}

// "git@host:path".
bool is_scp_form(std::string_view text) {
  const size_t at = text.find('@');
  const size_t colon = text.find(':', at + 1);
  return at != std::string_view::npos && colon != std::string_view::npos &&
         has_only(text.substr(0, at), "-_") && has_only(text.substr(at + 1, colon - at - 1), "-.");
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
    return invalid_argument(
        cat("subdirectory ", skiff::quoted(text), " leads out of the repository"));
  }
  return join(parts, "/");
}

// What a key says that may stand without a value.
Result<bool> parse_switch(const std::string& key, const std::string& value) {
  const auto on = value.empty() ? std::optional(true) : parse_bool(value);
  if (on) return *on;
  return invalid_argument(cat("invalid ", key, " value: ", skiff::quoted(value)));
}

Result<> set_ref(const std::string& ref, GitSource& out) {
  if (!out.ref.empty() && out.ref != ref) {
    return invalid_argument(cat("the references ", skiff::quoted(out.ref), " and ",
                                skiff::quoted(ref), " are both given"));
  }
  out.ref = ref;
  return {};
}

Result<> set_subdirectory(std::string_view text, GitSource& out) {
  std::string clean = TRY(clean_subdirectory(text));
  if (!out.subdirectory.empty() && out.subdirectory != clean) {
    return invalid_argument(cat("the directories ", skiff::quoted(out.subdirectory), " and ",
                                skiff::quoted(clean), " are both given"));
  }
  out.subdirectory = std::move(clean);
  return {};
}

// "v1" -> "refs/tags/v1".
std::string below(std::string_view prefix, const std::string& name) {
  return name.starts_with(prefix) ? name : cat(prefix, name);
}

Result<> read_switch(const std::string& key, const std::string& value, GitSource& out) {
  const bool on = TRY(parse_switch(key, value));
  if (key == "keep-git-dir") out.keep_git_dir = on;
  if (key == "submodules") out.submodules = on;
  if (key == "fetch-by-commit") out.by_commit = on;
  return {};
}

Result<> read_parameter(const std::string& key, const std::string& value, GitSource& out) {
  if (key == "keep-git-dir" || key == "submodules" || key == "fetch-by-commit") {
    return read_switch(key, value, out);
  }
  if (value.empty()) return invalid_argument(cat("query ", skiff::quoted(key), " has no value"));
  if (key == "ref") return set_ref(value, out);
  if (key == "tag") return set_ref(below("refs/tags/", value), out);
  if (key == "branch") return set_ref(below("refs/heads/", value), out);
  if (key == "subdir") return set_subdirectory(value, out);
  if (key == "checksum" || key == "commit") {
    out.checksum = value;
  } else if (key == "mtime" && (value == "commit" || value == "checkout")) {
    out.commit_times = value == "commit";
  } else if (key == "mtime") {
    return invalid_argument(
        cat("invalid mtime value: ", skiff::quoted(value), ": it is \"checkout\" or \"commit\""));
  } else {
    return invalid_argument(cat("unexpected query ", skiff::quoted(key)));
  }
  return {};
}

Result<> read_query(std::string_view query, GitSource& out) {
  std::set<std::string> seen;
  for (const std::string& pair : split(query, '&')) {
    if (pair.empty()) continue;
    const auto parts = split_once(pair, '=');
    const std::string key = net::url_decode(parts ? parts->first : std::string_view(pair));
    if (!seen.insert(key).second) {
      return invalid_argument(cat("query ", skiff::quoted(key), " is given twice"));
    }
    TRY(read_parameter(key, net::url_decode(parts ? parts->second : ""), out));
  }
  return {};
}

// "v1:docs".
Result<> read_fragment(std::string_view fragment, GitSource& out) {
  const auto parts = split_once(fragment, ':');
  const std::string ref(parts ? parts->first : fragment);
  if (!ref.empty()) TRY(set_ref(ref, out));
  return parts ? set_subdirectory(parts->second, out) : Result<>();
}

}  // namespace

bool is_url(std::string_view source) {
  return source.starts_with("http://") || source.starts_with("https://");
}

Result<std::optional<GitSource>> parse_git_source(const std::string& text) {
  GitSource out;
  const size_t hash = text.find('#');
  const std::string address = text.substr(0, hash);
  const size_t question = address.find('?');
  out.remote = address.substr(0, question);
  const bool is_forced =
      out.remote.starts_with(kForced) && is_url(out.remote.substr(kForced.size()));
  if (!is_forced && !names_repository(out.remote)) return std::nullopt;
  if (is_forced) out.remote.erase(0, kForced.size());
  const std::string shown = net::without_login(text);
  // What stands behind the '#' comes first: keys may say the same.
  if (hash != std::string::npos) {
    TRY_CONTEXT(read_fragment(std::string_view(text).substr(hash + 1), out), shown);
  }
  if (question != std::string::npos) {
    TRY_CONTEXT(read_query(std::string_view(address).substr(question + 1), out), shown);
  }
  if (out.ref.starts_with('-')) return invalid_argument(cat(shown, ": invalid reference"));
  return out;
}

Result<std::optional<GitSource>> parse_git_context(const std::string& text) {
  const bool is_short = text.starts_with("github.com/");
  return parse_git_source(is_short ? cat(kForced, "https://", text) : text);
}

}  // namespace skiff::dockerfile
