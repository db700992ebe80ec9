#include "access/jwt.h"

#include <algorithm>

#include "base/random.h"
#include "base/strings.h"
#include "codec/base64.h"
#include "codec/json.h"
#include "codec/signature.h"

namespace skiff::access {

namespace {

constexpr std::string_view kAlgorithm = "EdDSA";
// What 100 scopes of the longest names take; a head has room for it.
constexpr size_t kMaxToken = size_t{48} * 1024;
constexpr size_t kTokenIdDigits = 16;

std::string encode(std::string_view bytes) {
  std::string text = base64url_encode(bytes);
  std::erase(text, '=');
  return text;
}

Error invalid_token(std::string_view why) {
  return {Code::kUnauthenticated, cat("invalid token: ", why)};
}

TimePoint seconds(int64_t count) { return TimePoint(std::chrono::seconds(count)); }

json::Value scopes_value(const std::vector<ScopeClaim>& scopes) {
  json::Array out;
  for (const ScopeClaim& scope : scopes) {
    out.emplace_back(
        json::object({{"type", scope.type}, {"name", scope.name}, {"actions", scope.actions}}));
  }
  return out;
}

// Of a payload that was signed with one of our keys.
Claims read_claims(const json::Value& payload) {
  Claims claims;
  claims.subject = payload.string("sub");
  claims.account = payload.integer("account");
  claims.token = payload.string("token");
  claims.issued = seconds(payload.integer("iat"));
  claims.expires = seconds(payload.integer("exp"));
  for (const json::Value& scope : payload.array("access")) {
    claims.scopes.push_back({scope.string("type"), scope.string("name"), scope.strings("actions")});
  }
  return claims;
}

Result<json::Value> decode_object(std::string_view part) {
  const Result<std::string> text = base64_decode(part);
  if (!text) return invalid_token("no base64");
  const Result<json::Value> value = json::parse(*text);
  if (!value || !value->is_object()) return invalid_token("no JSON object");
  return *value;
}

}  // namespace

Result<std::string> sign_jwt(const Claims& claims, const SigningKey& key) {
  const json::Value header =
      json::object({{"alg", kAlgorithm}, {"kid", key.id}, {"typ", std::string_view("JWT")}});
  const json::Value payload = json::object({{"iss", kTokenService},
                                            {"aud", kTokenService},
                                            {"sub", claims.subject},
                                            {"account", claims.account},
                                            {"token", claims.token},
                                            {"iat", unix_seconds(claims.issued)},
                                            {"nbf", unix_seconds(claims.issued)},
                                            {"exp", unix_seconds(claims.expires)},
                                            {"jti", random_hex(kTokenIdDigits)},
                                            {"access", scopes_value(claims.scopes)}});
  const std::string text = cat(encode(header.dump()), ".", encode(payload.dump()));
  return cat(text, ".", encode(TRY(sign_ed25519(text, key.private_key))));
}

Result<Claims> verify_jwt(std::string_view text, std::span<const SigningKey> keys, TimePoint now) {
  if (text.size() > kMaxToken) return invalid_token("too long");
  const auto last = split_last(text, '.');
  const auto first = last ? split_once(last->first, '.') : std::nullopt;
  if (!first || first->second.find('.') != std::string_view::npos)
    return invalid_token("no three parts");
  const json::Value header = TRY(decode_object(first->first));
  if (header.string("alg") != kAlgorithm) return invalid_token("another algorithm");
  const std::string id = header.string("kid");
  const auto key = std::ranges::find_if(keys, [&](const SigningKey& k) { return k.id == id; });
  if (key == keys.end() || key->checks_until <= now) return invalid_token("an unknown key");
  const Result<std::string> signature = base64_decode(last->second);
  if (!signature || !verify_ed25519(last->first, *signature, key->public_key)) {
    return invalid_token("a wrong signature");
  }
  const json::Value payload = TRY(decode_object(first->second));
  if (payload.string("iss") != kTokenService || payload.string("aud") != kTokenService) {
    return invalid_token("for somebody else");
  }
  if (seconds(payload.integer("nbf")) > now) return invalid_token("not yet");
  Claims claims = read_claims(payload);
  if (claims.expires <= now) return invalid_token("expired");
  return claims;
}

}  // namespace skiff::access
