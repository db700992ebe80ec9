// Passwords: bcrypt ($2b$) by crypt(3). A hash takes tens of milliseconds of a processor, so at
// most two are made at once in a process, and a password that was right is remembered while its
// hash stays. Where too many wait for their turn the answer is kUnavailable.
#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "access/turns.h"
#include "base/result.h"

namespace skiff::access {

// Of who makes a hash in this process.
Turns& password_turns();

inline constexpr size_t kLeastPassword = 8;  // characters

// Of a new password. Refuses what bcrypt would cut off (above 72 bytes, or from a NUL on), what is
// shorter than kLeastPassword, and what looks like a token.
Result<std::string> hash_password(const std::string& password);
// Of any kind that crypt(3) knows: bcrypt, yescrypt, SHA-512, SHA-256.
bool password_matches(const std::string& password, const std::string& hash);

// Thread-safe.
class PasswordChecker {
 public:
  PasswordChecker();
  // Whether the password of `name` is that of `hash`; without a hash (there is no such name) it is
  // wrong, and takes as long as with `stand_in`, one of the hashes that there are; with "" one that
  // hash_password() made.
  Result<bool> check(const std::string& name, const std::string& password,
                     const std::optional<std::string>& hash, const std::string& stand_in = "");

  // Whether it was right before, and the hash is the same still. Takes no time.
  bool remembers(const std::string& name, const std::string& password, const std::string& hash);

 private:
  struct Known {
    std::string hash;
    std::string digest;  // of the password, with a key of this process
  };
  std::string digest_of(const std::string& name, const std::string& password) const;

  const std::string key_;
  std::mutex mutex_;                         // guards what follows
  std::map<std::string, Known> known_good_;  // by name
};

}  // namespace skiff::access
