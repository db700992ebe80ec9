#include "access/passwords.h"

#include <crypt.h>

#include <algorithm>
#include <array>
#include <memory>

#include "access/tokens.h"
#include "base/random.h"
#include "base/strings.h"
#include "codec/hash.h"

namespace skiff::access {

namespace {

constexpr unsigned long kCost = 10;  // 2^10 rounds
constexpr size_t kMaxPassword = 72;  // what bcrypt looks at
constexpr size_t kSaltBytes = 16;
constexpr int kMostAtOnce = 2;
constexpr int kMostWaiting = 64;

// What a password is checked against where there is no such name.
constexpr const char* kNobody = "$2b$10$abcdefghijklmnopqrstuuJ0aWGwH9yZr9hN0qI1Zr1c0yO6vT5iG";

bool equal_in_time(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  unsigned difference = 0;
  for (size_t i = 0; i < a.size(); ++i) difference |= static_cast<unsigned char>(a[i] ^ b[i]);
  return difference == 0;
}

// Of UTF-8: bytes that go on with a character are none.
size_t characters(const std::string& text) {
  return static_cast<size_t>(
      std::ranges::count_if(text, [](char c) { return (c & 0xC0) != 0x80; }));
}

}  // namespace

Turns& password_turns() {
  static Turns turns(kMostAtOnce, kMostWaiting, "too many passwords are being checked");
  return turns;
}

Result<std::string> hash_password(const std::string& password) {
  if (characters(password) < kLeastPassword) {
    return Error(Code::kInvalidArgument,
                 cat("the password has fewer than ", kLeastPassword, " characters"));
  }
  if (password.size() > kMaxPassword) {
    return Error(Code::kInvalidArgument,
                 cat("the password has more than ", kMaxPassword, " bytes"));
  }
  if (password.starts_with(kSecretPrefix)) {
    return Error(Code::kInvalidArgument,
                 cat("the password begins with ", kSecretPrefix, ", as tokens do"));
  }
  if (password.find('\0') != std::string::npos) {
    return Error(Code::kInvalidArgument, "the password has a NUL byte");
  }
  const std::string random = random_bytes(kSaltBytes);
  std::array<char, CRYPT_GENSALT_OUTPUT_SIZE> setting;
  if (::crypt_gensalt_rn("$2b$", kCost, random.data(), static_cast<int>(random.size()),
                         setting.data(), static_cast<int>(setting.size())) == nullptr) {
    return Error::from_errno(errno, "make a bcrypt salt");
  }
  auto data = std::make_unique<crypt_data>();
  const char* hash = TRY(password_turns().take(
      [&] { return ::crypt_r(password.c_str(), setting.data(), data.get()); }));
  if (hash == nullptr || hash[0] == '*') return Error::from_errno(errno, "hash the password");
  return std::string(hash);
}

// What crypt(3) would not look at is no part of a password: neither what is behind a NUL, nor, with
// bcrypt, behind 72 bytes.
bool password_matches(const std::string& password, const std::string& hash) {
  const bool is_cut = password.find('\0') != std::string::npos ||
                      (hash.starts_with("$2") && password.size() > kMaxPassword);
  auto data = std::make_unique<crypt_data>();
  const char* made = ::crypt_r(password.c_str(), hash.c_str(), data.get());
  return made != nullptr && made[0] != '*' && equal_in_time(made, hash) && !is_cut;
}

PasswordChecker::PasswordChecker() : key_(random_bytes(32)) {}

std::string PasswordChecker::digest_of(const std::string& name, const std::string& password) const {
  return sha256_hex(cat(key_, name, std::string_view("\0", 1), password));
}

bool PasswordChecker::remembers(const std::string& name, const std::string& password,
                                const std::string& hash) {
  const std::string digest = digest_of(name, password);
  std::lock_guard lock(mutex_);
  const auto known = known_good_.find(name);
  return known != known_good_.end() && known->second.hash == hash &&
         equal_in_time(known->second.digest, digest);
}

Result<bool> PasswordChecker::check(const std::string& name, const std::string& password,
                                    const std::optional<std::string>& hash,
                                    const std::string& stand_in) {
  if (hash && remembers(name, password, *hash)) return true;
  const std::string& nobodys = stand_in.empty() ? std::string(kNobody) : stand_in;
  const bool matches = TRY(
      password_turns().take([&] { return password_matches(password, hash.value_or(nobodys)); }));
  const bool right = matches && hash.has_value();
  if (!right) return false;
  std::lock_guard lock(mutex_);
  known_good_.insert_or_assign(name, Known{*hash, digest_of(name, password)});
  return true;
}

}  // namespace skiff::access
