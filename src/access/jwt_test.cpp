#include "access/jwt.h"

#include <gtest/gtest.h>

#include "base/strings.h"
#include "codec/base64.h"
#include "codec/json.h"
#include "codec/signature.h"

namespace skiff::access {
namespace {

constexpr TimePoint kNow{std::chrono::seconds(1'800'000'000)};
constexpr TimePoint kEnd = kNow + std::chrono::seconds(300);

SigningKey make_key(const std::string& id) {
  const Ed25519Key pair = *make_ed25519_key();
  return {id, pair.public_key, pair.private_key, kEnd, kEnd + std::chrono::hours(1)};
}

std::string encode(std::string_view bytes) {
  std::string text = base64url_encode(bytes);
  std::erase(text, '=');
  return text;
}

class Jwt : public testing::Test {
 protected:
  // Signed with the key, whatever it says.
  std::string forge(const std::string& header, const std::string& payload) {
    const std::string text = cat(encode(header), ".", encode(payload));
    return cat(text, ".", encode(*sign_ed25519(text, key_.private_key)));
  }
  std::string refusal(const std::string& token, TimePoint now = kNow) {
    const auto claims = verify_jwt(token, keys_, now);
    if (claims) return "accepted";
    EXPECT_EQ(claims.error().code(), Code::kUnauthenticated);
    return claims.error().message();
  }

  SigningKey key_ = make_key("k1");
  std::vector<SigningKey> keys_ = {make_key("k0"), key_};
  const Claims claims_{.subject = "ann",
                       .account = 7,
                       .token = "t1",
                       .issued = kNow,
                       .expires = kEnd,
                       .scopes = {{"repository", "acme/web", {"pull", "push"}}}};
  const std::string header_ = R"({"alg":"EdDSA","kid":"k1","typ":"JWT"})";
  const std::string payload_ =
      R"({"iss":"skiff-registry","aud":"skiff-registry","sub":"ann","account":7,"iat":1800000000,)"
      R"("nbf":1800000000,"exp":1800000300,"access":[]})";
};

TEST_F(Jwt, SaysWhatWasSigned) {
  const std::string token = *sign_jwt(claims_, key_);
  const Claims read = *verify_jwt(token, keys_, kNow);
  EXPECT_EQ(read.subject, "ann");
  EXPECT_EQ(read.account, 7);
  EXPECT_EQ(read.token, "t1");
  EXPECT_EQ(read.expires, kEnd);
  ASSERT_EQ(read.scopes.size(), 1U);
  EXPECT_EQ(read.scopes[0].name, "acme/web");
  EXPECT_EQ(read.scopes[0].actions, (std::vector<std::string>{"pull", "push"}));
  EXPECT_EQ(refusal(forge(header_, payload_)), "accepted");
}

TEST_F(Jwt, HasItsTime) {
  const std::string token = *sign_jwt(claims_, key_);
  EXPECT_EQ(refusal(token, kEnd - std::chrono::seconds(1)), "accepted");
  EXPECT_EQ(refusal(token, kEnd), "invalid token: expired");
  EXPECT_EQ(refusal(token, kNow - std::chrono::seconds(1)), "invalid token: not yet");
  keys_[1].checks_until = kNow;
  EXPECT_EQ(refusal(token), "invalid token: an unknown key");
}

TEST_F(Jwt, IsSignedWithAKeyOfOurs) {
  const std::string token = *sign_jwt(claims_, key_);
  SigningKey stranger = make_key("k1");
  EXPECT_EQ(refusal(*sign_jwt(claims_, stranger)), "invalid token: a wrong signature");
  stranger.id = "k2";
  EXPECT_EQ(refusal(*sign_jwt(claims_, stranger)), "invalid token: an unknown key");
  // The signature of one key under the name of another.
  stranger = key_;
  stranger.id = "k0";
  EXPECT_EQ(refusal(*sign_jwt(claims_, stranger)), "invalid token: a wrong signature");
  // Any letter changed.
  for (size_t i = 0; i < token.size(); ++i) {
    std::string changed = token;
    changed[i] = changed[i] == 'A' ? 'B' : 'A';
    // The last letter of each part has bits that count for nothing but the text is signed, too,
    // and the signature is compared as bytes.
    if (i + 1 == token.size()) continue;
    EXPECT_NE(refusal(changed), "accepted") << i;
  }
}

TEST_F(Jwt, ChoosesNoAlgorithm) {
  for (const char* algorithm : {"none", "None", "NONE", "HS256", "RS256", "ES256", "eddsa", ""}) {
    const std::string header = cat(R"({"alg":")", algorithm, R"(","kid":"k1","typ":"JWT"})");
    EXPECT_EQ(refusal(forge(header, payload_)), "invalid token: another algorithm") << algorithm;
    EXPECT_EQ(refusal(cat(encode(header), ".", encode(payload_), ".")),
              "invalid token: another algorithm");
  }
  EXPECT_EQ(refusal(forge(R"({"kid":"k1"})", payload_)), "invalid token: another algorithm");
  EXPECT_EQ(refusal(cat(encode(header_), ".", encode(payload_), ".")),
            "invalid token: a wrong signature");
}

// A key, or where one is to be had, in the token's own header counts for nothing.
TEST_F(Jwt, BringsNoKeyAlong) {
  const SigningKey own = make_key("own");
  const std::string jwk =
      cat(R"({"kty":"OKP","crv":"Ed25519","kid":"k1","x":")", encode(own.public_key), "\"}");
  const std::string members[] = {
      cat(R"("jwk":)", jwk),
      cat(R"("jwks":{"keys":[)", jwk, "]}"),
      cat(R"("x5c":[")", base64_encode(own.public_key), "\"]"),
      R"("jku":"http://127.0.0.1:1/keys")",
      R"("x5u":"http://127.0.0.1:1/chain")",
  };
  for (const std::string& member : members) {
    for (const auto& [kid, refused] : {std::pair("k1", "invalid token: a wrong signature"),
                                       std::pair("own", "invalid token: an unknown key")}) {
      const std::string text =
          cat(encode(cat(R"({"alg":"EdDSA","typ":"JWT","kid":")", kid, "\",", member, "}")), ".",
              encode(payload_));
      const std::string token = cat(text, ".", encode(*sign_ed25519(text, own.private_key)));
      EXPECT_EQ(refusal(token), refused) << member;
    }
  }
}

TEST_F(Jwt, IsForThisRegistry) {
  for (const char* member : {"iss", "aud"}) {
    const std::string other = replace_all(payload_, cat("\"", member, "\":\"skiff-registry\""),
                                          cat("\"", member, "\":\"x\""));
    EXPECT_EQ(refusal(forge(header_, other)), "invalid token: for somebody else");
  }
  // Without an end it has none left.
  EXPECT_EQ(refusal(forge(header_, replace_all(payload_, "\"exp\"", "\"no\""))),
            "invalid token: expired");
}

TEST_F(Jwt, HasThreePartsOfJson) {
  for (const char* bad : {"", ".", "..", "...", "a.b", "a.b.c", "a.b.c.d", "e30.e30.e30"}) {
    EXPECT_NE(refusal(bad), "accepted") << bad;
  }
  EXPECT_EQ(refusal(forge("[]", payload_)), "invalid token: no JSON object");
  EXPECT_EQ(refusal(forge(header_, "1")), "invalid token: no JSON object");
  EXPECT_EQ(refusal(std::string(60'000, 'a')), "invalid token: too long");
}

}  // namespace
}  // namespace skiff::access
