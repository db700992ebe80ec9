#include "access/roles.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/strings.h"

namespace skiff::access {

namespace {

constexpr size_t kMaxName = 64;
constexpr size_t kMaxNode = 255;
constexpr size_t kMaxPattern = 255;

constexpr std::array<std::pair<std::string_view, Role>, 4> kRoles = {{
    {"pull", Role::kPull},
    {"push", Role::kPush},
    {"maintain", Role::kMaintain},
    {"own", Role::kOwn},
}};

bool is_letter_or_digit(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }

bool is_component(std::string_view text) {
  if (text.empty() || !is_letter_or_digit(text.front()) || !is_letter_or_digit(text.back())) {
    return false;
  }
  return std::ranges::all_of(
      text, [](char c) { return is_letter_or_digit(c) || c == '.' || c == '_' || c == '-'; });
}

Error invalid(std::string_view what, std::string_view text, std::string_view form) {
  return {Code::kInvalidArgument, cat("invalid ", what, " ", quoted(text), ": ", form)};
}

}  // namespace

std::string_view role_name(Role role) {
  for (const auto& [name, value] : kRoles) {
    if (value == role) return name;
  }
  return "none";
}

Result<Role> role_named(std::string_view name) {
  for (const auto& [text, value] : kRoles) {
    if (text == name) return value;
  }
  return invalid("role", name, "choose pull, push, maintain or own");
}

Result<> check_user_name(std::string_view name) {
  if (name == "everybody" || name == "known") {
    return invalid("user name", name, "the word means others");
  }
  if (is_component(name) && name.size() <= kMaxName) return {};
  return invalid("user name", name,
                 "small letters and digits, with '.', '_' and '-' between them, at most 64");
}

Result<> check_robot_name(std::string_view name) {
  const auto parts = split_once(name, '+');
  if (parts && is_component(parts->first) && is_component(parts->second) &&
      name.size() <= kMaxName) {
    return {};
  }
  return invalid("robot name", name, "ORGANISATION+NAME, as in acme+ci");
}

Result<std::string> node_named(std::string_view text) {
  if (text.empty()) {
    return Error(Code::kInvalidArgument,
                 "a place is needed: '/' for the server, or acme, acme/web");
  }
  if (text == "/") return std::string();
  const auto parts = split(text, '/');
  if (text.size() <= kMaxNode && std::ranges::all_of(parts, is_component)) return std::string(text);
  return invalid("place", text, "'/' for the server, else names as in acme or acme/web");
}

Result<TeamName> team_named(std::string_view text) {
  const auto parts = split_once(text, '/');
  if (parts && is_component(parts->first) && is_component(parts->second) &&
      text.size() <= kMaxName) {
    return TeamName{std::string(parts->first), std::string(parts->second)};
  }
  return invalid("team", text, "ORGANISATION/NAME, as in acme/devs");
}

std::string node_text(const std::string& node) { return node.empty() ? "/" : node; }

std::optional<std::string_view> parent_node(std::string_view node) {
  if (node.empty()) return std::nullopt;
  const size_t slash = node.rfind('/');
  return slash == std::string_view::npos ? std::string_view() : node.substr(0, slash);
}

bool matches_pattern(std::string_view pattern, std::string_view text) {
  // Where the last '*' stood and what it had swallowed, to let it swallow one more.
  size_t p = 0;
  size_t t = 0;
  size_t star = std::string_view::npos;
  size_t swallowed = 0;
  // A "**" to come back to when a '*' can swallow no '/'.
  size_t wide = std::string_view::npos;
  size_t wide_swallowed = 0;
  while (t < text.size() || p < pattern.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      if (pattern.substr(p).starts_with("**")) {
        wide = p += 2;
        wide_swallowed = t;
        star = std::string_view::npos;
      } else {
        star = ++p;
        swallowed = t;
      }
      continue;
    }
    if (p < pattern.size() && t < text.size() && pattern[p] == text[t]) {
      ++p;
      ++t;
      continue;
    }
    if (star != std::string_view::npos && swallowed < text.size() && text[swallowed] != '/') {
      p = star;
      t = ++swallowed;
      continue;
    }
    if (wide != std::string_view::npos && wide_swallowed < text.size()) {
      p = wide;
      t = ++wide_swallowed;
      star = std::string_view::npos;
      continue;
    }
    return false;
  }
  return true;
}

Result<> check_pattern(std::string_view pattern) {
  const auto fits = [](char c) {
    return is_letter_or_digit(c) || (c >= 'A' && c <= 'Z') ||
           std::string_view("._-+*/").find(c) != std::string_view::npos;
  };
  if (!pattern.empty() && pattern.size() <= kMaxPattern && std::ranges::all_of(pattern, fits)) {
    return {};
  }
  return invalid("pattern", pattern, "letters, digits, '.', '_', '-', '/', '*' and \"**\"");
}

}  // namespace skiff::access
