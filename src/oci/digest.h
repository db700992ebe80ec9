// Digest: "algorithm:hex", the name of content (OCI image-spec, descriptor.md, Digests).
#pragma once

#include <compare>
#include <string>
#include <string_view>

#include "base/result.h"
#include "codec/hash.h"

namespace skiff::oci {

// Always valid: sha256 with 64 or sha512 with 128 lower-case hex digits. A value.
class Digest {
 public:
  // Fails with kInvalidArgument on any other text.
  static Result<Digest> parse(std::string_view text);
  static Digest of(std::string_view bytes, HashAlgorithm algorithm = HashAlgorithm::kSha256);
  // From what a Hasher of that algorithm gives.
  static Digest from_hex(HashAlgorithm algorithm, std::string hex);

  HashAlgorithm algorithm() const { return algorithm_; }
  std::string_view algorithm_name() const;
  const std::string& hex() const { return hex_; }
  std::string str() const;
  // The first twelve digits, as people see it.
  std::string short_hex() const { return hex_.substr(0, 12); }

  auto operator<=>(const Digest&) const = default;

 private:
  Digest(HashAlgorithm algorithm, std::string hex) : algorithm_(algorithm), hex_(std::move(hex)) {}
  HashAlgorithm algorithm_;
  std::string hex_;
};

}  // namespace skiff::oci

template <>
struct std::hash<skiff::oci::Digest> {
  size_t operator()(const skiff::oci::Digest& d) const { return std::hash<std::string>()(d.hex()); }
};
