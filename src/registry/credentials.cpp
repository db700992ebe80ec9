#include "registry/credentials.h"

#include "base/strings.h"
#include "codec/base64.h"

namespace skiff::registry {

Credentials parse_credentials(const std::string& authorization) {
  const auto parts = split_once(authorization, ' ');
  if (!parts) return {};
  const std::string_view rest = trim(parts->second);
  if (equals_ignore_case(parts->first, "bearer") && !rest.empty()) {
    return BearerCredentials{std::string(rest)};
  }
  if (!equals_ignore_case(parts->first, "basic")) return {};
  const Result<std::string> decoded = base64_decode(rest);
  if (!decoded) return {};
  const auto both = split_once(*decoded, ':');
  if (!both) return {};
  return BasicCredentials{std::string(both->first), std::string(both->second)};
}

}  // namespace skiff::registry
