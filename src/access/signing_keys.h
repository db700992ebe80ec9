// Signing keys: Ed25519 keys of the short-lived tokens (jwt.h), made when they are needed. A key
// signs for 30 days, and is good for checking a day longer, far beyond any token's life.
#pragma once

#include <vector>

#include "access/store.h"

namespace skiff::access {

struct SigningKey {
  std::string id;
  std::string public_key;
  std::string private_key;
  TimePoint signs_until;
  TimePoint checks_until;
};

// The one that signs longest first.
Result<std::vector<SigningKey>> signing_keys(Store& store);
// The key to sign with now, made where there is none; keys whose time is over go.
Result<SigningKey> current_signing_key(Store& store);
// A new key signs from now on; those of before check what they signed for a day longer.
Result<> rotate_signing_keys(Store& store);
// All keys go, and with them every short-lived token.
Result<> drop_signing_keys(Store& store);

}  // namespace skiff::access
