// Short-lived tokens: JSON Web Tokens (RFC 7519) in the form of Docker's registry protocol, signed
// with Ed25519. The algorithm is fixed: what a token says of its own is compared, never followed.
#pragma once

#include <span>
#include <vector>

#include "access/signing_keys.h"

namespace skiff::access {

struct ScopeClaim {
  std::string type;  // "repository", "registry"
  std::string name;
  std::vector<std::string> actions;
};

struct Claims {
  std::string subject;  // the account's name; "" for nobody in particular
  int64_t account = 0;
  std::string token;  // id of the token that was shown for it, if one was
  TimePoint issued;   // whole seconds
  TimePoint expires;
  std::vector<ScopeClaim> scopes;
};

// What issues them and whom they are for.
inline constexpr std::string_view kTokenService = "skiff-registry";

Result<std::string> sign_jwt(const Claims& claims, const SigningKey& key);
// kUnauthenticated for anything that no key of `keys` signed, or whose time is not now.
Result<Claims> verify_jwt(std::string_view text, std::span<const SigningKey> keys, TimePoint now);

}  // namespace skiff::access
