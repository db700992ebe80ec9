#include "access/tokens.h"

#include "base/random.h"
#include "base/strings.h"
#include "codec/base64.h"
#include "codec/hash.h"

namespace skiff::access {

namespace {

constexpr size_t kSecretBytes = 32;
constexpr size_t kIdDigits = 12;
constexpr std::chrono::hours kRemembered{90 * 24};  // tokens that are over

// Of all tokens, by their ids: a question for each would be a thousand.
Result<std::map<std::string, std::vector<TokenLimit>>> all_limits(Store& store) {
  Statement row =
      TRY(store.db().prepare("SELECT token, repositories, tags, role FROM token_limit"));
  std::map<std::string, std::vector<TokenLimit>> limits;
  while (TRY(row.step())) {
    const Role role = TRY(role_named(row.text(3)));
    limits[row.text(0)].push_back({row.text(1), row.text(2), role});
  }
  return limits;
}

std::string new_secret() {
  std::string text = base64url_encode(random_bytes(kSecretBytes));
  std::erase(text, '=');
  return cat(kSecretPrefix, text);
}

}  // namespace

std::string secret_hash(std::string_view secret) { return sha256_hex(secret); }

Result<MadeToken> add_token(Store& store, const NewToken& token) {
  Transaction tx = TRY(store.db().begin());
  MadeToken made = TRY(insert_token(store, token));
  TRY(tx.commit());
  return made;
}

Result<MadeToken> insert_token(Store& store, const NewToken& token) {
  for (const TokenLimit& limit : token.limits) {
    TRY(check_pattern(limit.repositories));
    TRY(check_pattern(limit.tags));
  }
  MadeToken made{random_hex(kIdDigits), new_secret()};
  const int64_t long_ago = unix_nanos(store.now() - kRemembered);
  TRY(
      store.db().run("DELETE FROM token WHERE (revoked > 0 AND revoked < ?1)"
                     " OR (expires > 0 AND expires < ?1)",
                     long_ago));
  TRY(
      store.db().run("INSERT INTO token(id, account, label, secret, created, expires, refresh)"
                     " VALUES (?,?,?,?,?,?,?)",
                     made.id, token.account, token.label, secret_hash(made.secret),
                     unix_nanos(store.now()), unix_nanos(token.expires), token.refresh ? 1 : 0));
  if (token.refresh) {
    TRY(
        store.db().run("DELETE FROM token WHERE account = ?1 AND refresh = 1 AND id NOT IN "
                       "(SELECT id FROM token WHERE account = ?1 AND refresh = 1"
                       " ORDER BY created DESC, id = ?2 DESC, id LIMIT ?3)",
                       token.account, made.id, kMostRefreshTokens));
  }
  for (const TokenLimit& limit : token.limits) {
    TRY(
        store.db().run("INSERT INTO token_limit(token, repositories, tags, role) VALUES (?,?,?,?) "
                       "ON CONFLICT DO NOTHING",
                       made.id, limit.repositories, limit.tags, role_name(limit.role)));
  }
  return made;
}

Result<std::vector<Token>> list_tokens(Store& store, const std::optional<std::string>& account) {
  Statement row = TRY(store.db().prepare(
      "SELECT token.id, account, name, label, secret, token.created, "
      "token.expires, revoked, used, refresh FROM token JOIN account ON account.id = "
      "token.account WHERE ?1 IS NULL OR name = ?1 "
      "ORDER BY token.created DESC, token.id",
      account));
  auto limits = TRY(all_limits(store));
  std::vector<Token> tokens;
  while (TRY(row.step())) {
    Token token{.id = row.text(0),
                .account = row.integer(1),
                .account_name = row.text(2),
                .label = row.text(3),
                .secret_hash = row.text(4),
                .limits = {},
                .created = time_of(row, 5),
                .expires = time_of(row, 6),
                .revoked = time_of(row, 7),
                .used = time_of(row, 8),
                .refresh = row.integer(9) != 0};
    token.limits = std::move(limits[token.id]);
    tokens.push_back(std::move(token));
  }
  return tokens;
}

Result<> revoke_token(Store& store, const std::string& id) {
  const int64_t revoked =
      TRY(store.db().run("UPDATE token SET revoked = CASE WHEN revoked = 0 THEN ? ELSE revoked END"
                         " WHERE id = ?",
                         unix_nanos(store.now()), id));
  if (revoked == 0) return Error(Code::kNotFound, cat("no such token: ", id));
  return {};
}

Result<> save_token_uses(Store& store, const std::map<std::string, TimePoint>& uses) {
  constexpr int64_t kHour = std::chrono::nanoseconds(std::chrono::hours(1)).count();
  Transaction tx = TRY(store.db().begin());
  for (const auto& [id, at] : uses) {
    TRY(store.db().run("UPDATE token SET used = ?1 WHERE id = ?2 AND used <= ?1 - ?3",
                       unix_nanos(at), id, kHour));
  }
  return tx.commit();
}

Result<> revoke_tokens_of(Store& store, int64_t account) {
  TRY(store.db().run("UPDATE token SET revoked = ? WHERE account = ? AND revoked = 0",
                     unix_nanos(store.now()), account));
  return {};
}

Result<> revoke_refresh_tokens_of(Store& store, const std::string& account) {
  TRY(
      store.db().run("UPDATE token SET revoked = ? WHERE refresh = 1 AND revoked = 0 AND account IN"
                     " (SELECT id FROM account WHERE name = ?)",
                     unix_nanos(store.now()), account));
  return {};
}

}  // namespace skiff::access
