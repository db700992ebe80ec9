#include "codec/hash.h"

#include <openssl/evp.h>

#include <array>
#include <cstdlib>

#include "base/strings.h"

namespace skiff {

namespace {

// Looking an algorithm up in OpenSSL's providers costs more than hashing a small
// manifest: done once.
const EVP_MD* algorithm_of(HashAlgorithm algorithm) {
  static const EVP_MD* const sha256 = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  static const EVP_MD* const sha512 = EVP_MD_fetch(nullptr, "SHA512", nullptr);
  return algorithm == HashAlgorithm::kSha256 ? sha256 : sha512;
}

// These calls fail only without memory or without OpenSSL's default provider: there is
// nothing a caller could do then, and a wrong hash must never leave this file.
void must(int ok) {
  if (ok != 1) std::abort();
}

struct FreeContext {
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};
using ContextPtr = std::unique_ptr<EVP_MD_CTX, FreeContext>;

std::string hash_hex(HashAlgorithm algorithm, std::string_view bytes) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> hash;
  unsigned size = 0;
  must(
      EVP_Digest(bytes.data(), bytes.size(), hash.data(), &size, algorithm_of(algorithm), nullptr));
  return to_hex({reinterpret_cast<const char*>(hash.data()), size});
}

}  // namespace

struct Hasher::Context {
  ContextPtr evp{EVP_MD_CTX_new()};
};

Hasher::Hasher(HashAlgorithm algorithm) : context_(std::make_unique<Context>()) {
  must(context_->evp != nullptr ? 1 : 0);
  must(EVP_DigestInit_ex2(context_->evp.get(), algorithm_of(algorithm), nullptr));
}

Hasher::Hasher(Hasher&&) noexcept = default;
Hasher& Hasher::operator=(Hasher&&) noexcept = default;
Hasher::~Hasher() = default;

void Hasher::update(std::string_view bytes) {
  must(EVP_DigestUpdate(context_->evp.get(), bytes.data(), bytes.size()));
}

std::string Hasher::hex() const {
  ContextPtr copy(EVP_MD_CTX_new());
  std::array<unsigned char, EVP_MAX_MD_SIZE> hash;
  unsigned size = 0;
  must(EVP_MD_CTX_copy_ex(copy.get(), context_->evp.get()));
  must(EVP_DigestFinal_ex(copy.get(), hash.data(), &size));
  return to_hex({reinterpret_cast<const char*>(hash.data()), size});
}

std::string sha256_hex(std::string_view bytes) { return hash_hex(HashAlgorithm::kSha256, bytes); }

std::string sha512_hex(std::string_view bytes) { return hash_hex(HashAlgorithm::kSha512, bytes); }

Result<size_t> HashingSource::read(std::span<char> buffer) {
  size_t n = TRY(from_.read(buffer));
  hasher_.update({buffer.data(), n});
  return n;
}

}  // namespace skiff
