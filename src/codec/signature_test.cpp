#include "codec/signature.h"

#include <gtest/gtest.h>

#include "base/strings.h"

namespace skiff {
namespace {

std::string from_hex(std::string_view hex) {
  std::string out;
  for (size_t i = 0; i < hex.size(); i += 2) {
    out.push_back(static_cast<char>(*parse_uint(hex.substr(i, 2), 16)));
  }
  return out;
}

// RFC 8032, 7.1, TEST 2.
TEST(Ed25519, SignsAsTheStandardDoes) {
  const std::string secret =
      from_hex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb");
  const std::string pub =
      from_hex("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c");
  const std::string signature = *sign_ed25519("\x72", secret);
  EXPECT_EQ(to_hex(signature),
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
            "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00");
  EXPECT_TRUE(verify_ed25519("\x72", signature, pub));
  EXPECT_FALSE(verify_ed25519("\x73", signature, pub));
}

TEST(Ed25519, KeysFitTogether) {
  const Ed25519Key key = *make_ed25519_key();
  const Ed25519Key other = *make_ed25519_key();
  std::string signature = *sign_ed25519("text", key.private_key);
  EXPECT_TRUE(verify_ed25519("text", signature, key.public_key));
  EXPECT_FALSE(verify_ed25519("text", signature, other.public_key));
  EXPECT_FALSE(verify_ed25519("text", signature.substr(1), key.public_key));
  EXPECT_FALSE(verify_ed25519("text", "", key.public_key));
  EXPECT_FALSE(verify_ed25519("text", signature, ""));
  signature[5] ^= 1;
  EXPECT_FALSE(verify_ed25519("text", signature, key.public_key));
  EXPECT_FALSE(sign_ed25519("text", "short"));
}

}  // namespace
}  // namespace skiff
