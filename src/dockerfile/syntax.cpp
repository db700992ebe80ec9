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

// Directives stand at the top: the first line that is none ends them.
std::string syntax_in(std::string_view text, std::string_view sign) {
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    const auto [key, value] = directive_of(text.substr(0, end), sign);
    if (key.empty() || value.empty()) return "";
    if (key == "syntax") return value;
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return "";
}

}  // namespace

std::string detect_syntax(std::string_view text) {
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  if (text.starts_with("#!")) {
    text.remove_prefix(std::min(text.find('\n'), text.size() - 1) + 1);
  }
  for (std::string_view sign : {"#", "//"}) {
    if (std::string found = syntax_in(text, sign); !found.empty()) return found;
  }
  if (!trim(text).starts_with('{')) return "";
  const auto value = json::parse(text);
  return value ? value->string("syntax") : "";
}

bool is_own_frontend(std::string_view syntax) {
  // Behind the image stands what only that would understand.
  std::string_view name = syntax.substr(0, syntax.find_first_of(" \t"));
  for (std::string_view prefix : {"docker.io/", "docker/"}) {
    if (name.starts_with(prefix)) name.remove_prefix(prefix.size());
  }
  return name.empty() || name == "dockerfile" || name.starts_with("dockerfile:") ||
         name.starts_with("dockerfile@") || name == "dockerfile.v0" ||
         name.starts_with("dockerfile-upstream");
}

}  // namespace skiff::dockerfile
