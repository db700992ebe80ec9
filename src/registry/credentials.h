// Credentials: what an Authorization field shows (RFC 7617, RFC 6750).
#pragma once

#include <optional>
#include <string>
#include <variant>

namespace skiff::registry {

struct BasicCredentials {
  std::string name;
  std::string password;
};
struct BearerCredentials {
  std::string token;
};

// monostate: of no form that is known here.
using Credentials = std::variant<std::monostate, BasicCredentials, BearerCredentials>;
Credentials parse_credentials(const std::string& authorization);

}  // namespace skiff::registry
