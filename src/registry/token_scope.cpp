#include "registry/token_scope.h"

#include <algorithm>

#include "base/strings.h"
#include "oci/reference.h"

namespace skiff::registry {

std::optional<Scope> parse_scope(std::string_view text) {
  const auto type = split_once(text, ':');
  const auto last = type ? split_last(type->second, ':') : std::nullopt;
  if (!last) return std::nullopt;
  const auto& [name, actions] = *last;
  if (type->first == "registry" && name == "catalog") return Scope{};
  if (type->first != "repository" || !oci::valid_repository_path(std::string(name))) {
    return std::nullopt;
  }
  Scope scope{.repository = std::string(name)};
  for (std::string_view action : split(actions, ',')) {
    action = trim(action);
    if (action == "pull" || action == "*") scope.pull = true;
    if (action == "push" || action == "*") scope.push = true;
    if (action == "delete" || action == "*") scope.remove = true;
  }
  return scope;
}

std::string scope_text(const Scope& scope) {
  if (scope.repository.empty()) return "registry:catalog:*";
  std::vector<std::string> actions;
  if (scope.pull) actions.emplace_back("pull");
  if (scope.push) actions.emplace_back("push");
  if (scope.remove) actions.emplace_back("delete");
  return cat("repository:", scope.repository, ":", join(actions, ","));
}

std::optional<Scope> scope_of(const Need& need) {
  switch (need.action) {
    case Action::kEnter:
    case Action::kManage:
      return std::nullopt;
    case Action::kCatalog:
      return Scope{};
    case Action::kPull:
      return Scope{.repository = need.repository, .pull = true};
    case Action::kPush:
      return Scope{.repository = need.repository, .pull = true, .push = true};
    case Action::kDelete:
      return Scope{.repository = need.repository, .remove = true};
  }
  return std::nullopt;
}

bool covers(const std::vector<Scope>& scopes, const Need& need) {
  if (need.action == Action::kEnter) return true;
  if (need.action == Action::kManage) return false;
  const bool catalog = need.action == Action::kCatalog;
  if (need.repository.empty() != catalog) return false;
  return std::ranges::any_of(scopes, [&](const Scope& scope) {
    if (scope.repository != need.repository) return false;
    if (need.action == Action::kPull) return scope.pull;
    if (need.action == Action::kPush) return scope.push;
    return need.action != Action::kDelete || scope.remove;
  });
}

}  // namespace skiff::registry
