// Ed25519 signatures (RFC 8032) through OpenSSL. Keys are their 32 raw bytes, signatures 64.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace skiff {

struct Ed25519Key {
  std::string public_key;
  std::string private_key;
};

Result<Ed25519Key> make_ed25519_key();
Result<std::string> sign_ed25519(std::string_view message, std::string_view private_key);
// False also for what is no key or no signature.
bool verify_ed25519(std::string_view message, std::string_view signature,
                    std::string_view public_key);

}  // namespace skiff
