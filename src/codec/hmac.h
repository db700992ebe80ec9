// HMAC-SHA-256 (RFC 2104, FIPS 180-4) through OpenSSL.
#pragma once

#include <string>
#include <string_view>

namespace skiff {

// The 32 bytes of the code, not hex.
std::string hmac_sha256(std::string_view key, std::string_view bytes);

}  // namespace skiff
