#include "codec/signature.h"

#include <openssl/evp.h>

#include <memory>

#include "base/random.h"

namespace skiff {

namespace {

constexpr size_t kKeyBytes = 32;
constexpr size_t kSignatureBytes = 64;

struct FreeKey {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};
struct FreeContext {
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};
using KeyPtr = std::unique_ptr<EVP_PKEY, FreeKey>;
using ContextPtr = std::unique_ptr<EVP_MD_CTX, FreeContext>;

const unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

KeyPtr private_key_of(std::string_view raw) {
  return KeyPtr(EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, bytes_of(raw), raw.size()));
}

Error failed(std::string_view what) { return {Code::kInternal, std::string(what)}; }

}  // namespace

Result<Ed25519Key> make_ed25519_key() {
  Ed25519Key out{std::string(kKeyBytes, '\0'), random_bytes(kKeyBytes)};
  const KeyPtr key = private_key_of(out.private_key);
  size_t size = kKeyBytes;
  if (!key || EVP_PKEY_get_raw_public_key(
                  key.get(), reinterpret_cast<unsigned char*>(out.public_key.data()), &size) != 1) {
    return failed("make an Ed25519 key");
  }
  return out;
}

Result<std::string> sign_ed25519(std::string_view message, std::string_view private_key) {
  const KeyPtr key = private_key_of(private_key);
  const ContextPtr context(EVP_MD_CTX_new());
  std::string signature(kSignatureBytes, '\0');
  size_t size = kSignatureBytes;
  if (!key || !context ||
      EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, key.get()) != 1 ||
      EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &size,
                     bytes_of(message), message.size()) != 1) {
    return failed("sign with Ed25519");
  }
  return signature;
}

bool verify_ed25519(std::string_view message, std::string_view signature,
                    std::string_view public_key) {
  if (public_key.size() != kKeyBytes || signature.size() != kSignatureBytes) return false;
  const KeyPtr key(EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, bytes_of(public_key),
                                               public_key.size()));
  const ContextPtr context(EVP_MD_CTX_new());
  return key && context &&
         EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, key.get()) == 1 &&
         EVP_DigestVerify(context.get(), bytes_of(signature), signature.size(), bytes_of(message),
                          message.size()) == 1;
}

}  // namespace skiff
