// The texts of scopes, as clients ask for them and challenges name them:
// "repository:acme/web:pull,push", "registry:catalog:*".
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "registry/access.h"

namespace skiff::registry {

// nullopt for a resource that is not ours to grant. Unknown actions are passed over.
std::optional<Scope> parse_scope(std::string_view text);
std::string scope_text(const Scope& scope);
// The scope that a need asks for; nullopt for kEnter.
std::optional<Scope> scope_of(const Need& need);
// Whether a token of these scopes reaches so far.
bool covers(const std::vector<Scope>& scopes, const Need& need);

}  // namespace skiff::registry
