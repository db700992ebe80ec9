// Tokens: secrets of 256 random bits that speak for an account: a user's personal tokens, a robot's
// secret. Shown once; the table has their SHA-256 (as good as a slow hash for what nobody can
// guess, and cheap for each request).
//
// A refresh token is one that a client was given when it logged in with a password, to keep in its
// place. It gets short-lived tokens and is good for nothing else; its password's end is its own.
//
// A token may less than its account: its limits say which role in which repositories, for which
// tags. Without limits it may all that the account may.
#pragma once

#include <map>
#include <vector>

#include "access/roles.h"
#include "access/store.h"

namespace skiff::access {

// What a secret begins with, so that people and scanners know one.
inline constexpr std::string_view kSecretPrefix = "skiff_";

struct TokenLimit {
  std::string repositories = "**";  // patterns (roles.h)
  std::string tags = "*";
  Role role = Role::kOwn;
};

struct Token {
  std::string id;  // to name it by; no secret
  int64_t account = 0;
  std::string account_name;
  std::string label;
  std::string secret_hash;  // SHA-256, in hex
  std::vector<TokenLimit> limits;
  TimePoint created;
  TimePoint expires;  // zero: never
  TimePoint revoked;  // zero: not
  TimePoint used;     // last, to an hour or so; zero: never
  bool refresh = false;
};

struct NewToken {
  int64_t account = 0;
  std::string label;
  std::vector<TokenLimit> limits;
  TimePoint expires;
  bool refresh = false;  // the oldest of an account's are forgotten beyond kMostRefreshTokens
};
inline constexpr int kMostRefreshTokens = 100;

struct MadeToken {
  std::string id;
  std::string secret;  // known to nobody else, and not again
};

Result<MadeToken> add_token(Store& store, const NewToken& token);
// The same as a part of the caller's transaction.
Result<MadeToken> insert_token(Store& store, const NewToken& token);
// Of one account or all; also the revoked and expired ones of the last 90 days, newest first.
Result<std::vector<Token>> list_tokens(Store& store, const std::optional<std::string>& account);
// kNotFound; nothing happens where it is revoked already.
Result<> revoke_token(Store& store, const std::string& id);
Result<> revoke_tokens_of(Store& store, int64_t account);
Result<> revoke_refresh_tokens_of(Store& store, const std::string& account);

// When tokens were used last, by id; less than an hour's difference is not written.
Result<> save_token_uses(Store& store, const std::map<std::string, TimePoint>& uses);

// What the table has of a secret.
std::string secret_hash(std::string_view secret);

}  // namespace skiff::access
