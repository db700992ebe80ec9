// The low-level functions of OpenSSL, since a running hash of EVP cannot be saved: the code below
// them is the same, and chosen by the CPU in the same way.
#define OPENSSL_SUPPRESS_DEPRECATED

#include "codec/hash.h"

#include <openssl/sha.h>

#include <array>
#include <cstdlib>
#include <cstring>
#include <variant>

#include "base/strings.h"

namespace skiff {

namespace {

// These calls have no reason to fail, and a wrong hash must never leave this file.
void must(int ok) {
  if (ok != 1) std::abort();
}

struct Sha256 {
  using State = SHA256_CTX;
  static constexpr size_t kSize = SHA256_DIGEST_LENGTH;
  static constexpr size_t kBlock = SHA256_CBLOCK;
  static constexpr char kLetter = '2';
  static void init(State& s) { must(SHA256_Init(&s)); }
  static void update(State& s, std::string_view b) { must(SHA256_Update(&s, b.data(), b.size())); }
  static void final(unsigned char* out, State& s) { must(SHA256_Final(out, &s)); }
};

struct Sha512 {
  using State = SHA512_CTX;
  static constexpr size_t kSize = SHA512_DIGEST_LENGTH;
  static constexpr size_t kBlock = SHA512_CBLOCK;
  static constexpr char kLetter = '5';
  static void init(State& s) { must(SHA512_Init(&s)); }
  static void update(State& s, std::string_view b) { must(SHA512_Update(&s, b.data(), b.size())); }
  static void final(unsigned char* out, State& s) { must(SHA512_Final(out, &s)); }
};

// The bytes of a block that is not full yet.
const unsigned char* pending_of(const SHA256_CTX& s) {
  return reinterpret_cast<const unsigned char*>(s.data);
}
const unsigned char* pending_of(const SHA512_CTX& s) { return s.u.p; }
unsigned char* pending_of(SHA256_CTX& s) { return reinterpret_cast<unsigned char*>(s.data); }
unsigned char* pending_of(SHA512_CTX& s) { return s.u.p; }

template <typename Word>
void put_word(std::string& out, Word value) {
  for (int shift = 8 * (sizeof(Word) - 1); shift >= 0; shift -= 8) {
    out += static_cast<char>(value >> shift & 0xffU);
  }
}

template <typename Word>
void take_word(std::string_view& in, Word& value) {
  value = 0;
  for (size_t i = 0; i < sizeof(Word); ++i) {
    value = static_cast<Word>(value << 8U | static_cast<unsigned char>(in[i]));
  }
  in.remove_prefix(sizeof(Word));
}

constexpr char kVersion = 1;

template <typename Sha>
std::string save_state(const typename Sha::State& s) {
  std::string out{kVersion, Sha::kLetter};
  for (const auto word : s.h) put_word(out, word);
  put_word(out, s.Nh);
  put_word(out, s.Nl);
  out.append(reinterpret_cast<const char*>(pending_of(s)), s.num);
  return out;
}

template <typename Sha>
bool restore_state(std::string_view saved, typename Sha::State& s) {
  Sha::init(s);
  constexpr size_t kWords = sizeof(s.h) + sizeof(s.Nh) + sizeof(s.Nl);
  if (saved.size() < kWords || saved.size() >= kWords + Sha::kBlock) return false;
  for (auto& word : s.h) take_word(saved, word);
  take_word(saved, s.Nh);
  take_word(saved, s.Nl);
  // The length is in bits.
  if (s.Nl % 8 != 0 || s.Nl / 8 % Sha::kBlock != saved.size()) return false;
  s.num = static_cast<unsigned>(saved.size());
  std::memcpy(pending_of(s), saved.data(), saved.size());
  return true;
}

template <typename Sha>
std::string hex_of(typename Sha::State copy) {
  std::array<unsigned char, Sha::kSize> hash;
  Sha::final(hash.data(), copy);
  return to_hex({reinterpret_cast<const char*>(hash.data()), hash.size()});
}

template <typename Sha>
std::string hash_hex(std::string_view bytes) {
  typename Sha::State state;
  Sha::init(state);
  Sha::update(state, bytes);
  return hex_of<Sha>(state);
}

}  // namespace

struct Hasher::Context {
  std::variant<SHA256_CTX, SHA512_CTX> state;
};

Hasher::Hasher(HashAlgorithm algorithm) : context_(std::make_unique<Context>()) {
  if (algorithm == HashAlgorithm::kSha256) {
    Sha256::init(context_->state.emplace<SHA256_CTX>());
  } else {
    Sha512::init(context_->state.emplace<SHA512_CTX>());
  }
}

Hasher::Hasher(Hasher&&) noexcept = default;
Hasher& Hasher::operator=(Hasher&&) noexcept = default;
Hasher::~Hasher() = default;

void Hasher::update(std::string_view bytes) {
  if (auto* sha256 = std::get_if<SHA256_CTX>(&context_->state)) {
    Sha256::update(*sha256, bytes);
  } else {
    Sha512::update(std::get<SHA512_CTX>(context_->state), bytes);
  }
}

std::string Hasher::hex() const {
  const auto* sha256 = std::get_if<SHA256_CTX>(&context_->state);
  return sha256 != nullptr ? hex_of<Sha256>(*sha256)
                           : hex_of<Sha512>(std::get<SHA512_CTX>(context_->state));
}

std::string Hasher::save() const {
  const auto* sha256 = std::get_if<SHA256_CTX>(&context_->state);
  return sha256 != nullptr ? save_state<Sha256>(*sha256)
                           : save_state<Sha512>(std::get<SHA512_CTX>(context_->state));
}

std::optional<Hasher> Hasher::restore(std::string_view saved) {
  if (saved.size() < 2 || saved[0] != kVersion) return std::nullopt;
  const char letter = saved[1];
  saved.remove_prefix(2);
  std::optional<Hasher> out;
  if (letter == Sha256::kLetter) {
    out.emplace(HashAlgorithm::kSha256);
    if (restore_state<Sha256>(saved, std::get<SHA256_CTX>(out->context_->state))) return out;
  } else if (letter == Sha512::kLetter) {
    out.emplace(HashAlgorithm::kSha512);
    if (restore_state<Sha512>(saved, std::get<SHA512_CTX>(out->context_->state))) return out;
  }
  return std::nullopt;
}

std::string sha256_hex(std::string_view bytes) { return hash_hex<Sha256>(bytes); }

std::string sha512_hex(std::string_view bytes) { return hash_hex<Sha512>(bytes); }

Result<size_t> HashingSource::read(std::span<char> buffer) {
  size_t n = TRY(from_.read(buffer));
  hasher_.update({buffer.data(), n});
  return n;
}

}  // namespace skiff
