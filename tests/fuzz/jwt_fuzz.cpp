// Short-lived tokens: bytes that no key of ours signed are never accepted.
#include <cstdlib>

#include "access/jwt.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace skiff::access;
  // The point of the RFC's first test key; nobody here has its secret.
  static const std::string kPublic =
      "\xd7\x5a\x98\x01\x82\xb1\x0a\xb7\xd5\x4b\xfe\xd3\xc9\x64\x07\x3a"
      "\x0e\xe1\x72\xf3\xda\xa6\x23\x25\xaf\x02\x1a\x68\xf7\x07\x51\x1a";
  static const std::vector<SigningKey> kKeys = {
      {"k1", kPublic, "", skiff::TimePoint::max(), skiff::TimePoint::max()}};
  const std::string text(reinterpret_cast<const char*>(data), size);
  if (verify_jwt(text, kKeys, skiff::TimePoint(std::chrono::seconds(1'800'000'000)))) std::abort();
  return 0;
}
