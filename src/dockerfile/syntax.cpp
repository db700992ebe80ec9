#include "dockerfile/syntax.h"

#include <algorithm>

#include "base/strings.h"
#include "codec/json.h"

namespace skiff::dockerfile {

namespace {

// "KEY=value" behind the sign of a comment; "" for a line that is no directive.
std::pair<std::string, std::string> directive_of(std::string_view line, std::string_view sign) {
  const std::string_view text = trim(line);
  if (!text.starts_with(sign)) return {};
  const auto parts = split_once(text.substr(sign.size()), '=');
  if (!parts) return {};
  std::string key = to_lower(trim(parts->first));
  const bool is_word = std::ranges::all_of(
      key, [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); });
  if (!is_word) return {};
  return {std::move(key), std::string(trim(parts->second))};
}

// Directives stand at the top, from `line` on: the first line that is none ends them.
Syntax syntax_in(std::string_view text, std::string_view sign, int line) {
  for (; !text.empty(); ++line) {
    const size_t end = std::min(text.find('\n'), text.size());
    const auto [key, value] = directive_of(text.substr(0, end), sign);
    if (key.empty() || value.empty()) return {};
    if (key == "syntax") return {.value = value, .line = line};
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return {};
}

// Of the frontend 1.x.
constexpr int kNewestMinor = 26;

// A tag of the official image: "1", "1.7", "1.7.1", "1.7-labs", "latest".
bool is_implemented(std::string_view tag) {
  for (std::string_view channel : {"-labs", "-experimental"}) {
    if (tag.ends_with(channel)) tag.remove_suffix(channel.size());
  }
  for (std::string_view newest : {"latest", "labs", "experimental", "master", "1"}) {
    if (tag == newest) return true;
  }
  if (!tag.starts_with("1.")) return false;
  const std::vector<std::string> numbers = split(tag.substr(2), '.');
  const auto minor = parse_uint(numbers[0]);
  const bool has_patch = numbers.size() == 2 && parse_uint(numbers[1]);
  return minor && *minor <= kNewestMinor && (numbers.size() == 1 || has_patch);
}

}  // namespace

Syntax detect_syntax(std::string_view text) {
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  int line = 1;
  if (text.starts_with("#!")) {
    ++line;
    text.remove_prefix(std::min(text.find('\n'), text.size() - 1) + 1);
  }
  for (std::string_view sign : {"#", "//"}) {
    if (Syntax found = syntax_in(text, sign, line); !found.value.empty()) return found;
  }
  if (!trim(text).starts_with('{')) return {};
  const auto value = json::parse(text);
  return {.value = value ? value->string("syntax") : ""};
}

Result<> check_frontend(std::string_view syntax) {
  // Behind the image stands what only that would understand.
  std::string_view name = syntax.substr(0, syntax.find_first_of(" \t"));
  for (std::string_view prefix : {"docker.io/", "docker/"}) {
    if (name.starts_with(prefix)) name.remove_prefix(prefix.size());
  }
  if (name.empty() || name == "dockerfile.v0") return {};
  std::string_view version = name;
  for (std::string_view image : {"dockerfile-upstream", "dockerfile"}) {
    if (version.starts_with(image)) version.remove_prefix(image.size());
  }
  const bool is_official = version.empty() || version[0] == ':' || version[0] == '@';
  if (version.size() == name.size() || !is_official) {
    return Error(Code::kUnimplemented,
                 cat("frontends in images are not supported: # syntax=", syntax));
  }
  if (version.empty()) return {};
  version = version.substr(0, version.find('@'));
  if (!version.empty() && is_implemented(version.substr(1))) return {};
  return Error(Code::kUnimplemented,
               cat("# syntax=", syntax, ": ",
                   version.empty() ? "which version a digest is cannot be told"
                                   : "this version of the frontend is not known",
                   ": Dockerfiles are read by the built-in one, which is 1.0 to 1.", kNewestMinor,
                   "; write \"# syntax=docker/dockerfile:1\" to use it"));
}

}  // namespace skiff::dockerfile
