// SHA-256 and SHA-512 by OpenSSL (SHA-NI where the CPU has it).
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/io.h"

namespace skiff {

enum class HashAlgorithm { kSha256, kSha512 };

// One running hash. Movable; not thread-safe.
class Hasher : public Sink {
 public:
  explicit Hasher(HashAlgorithm algorithm = HashAlgorithm::kSha256);
  Hasher(Hasher&&) noexcept;
  Hasher& operator=(Hasher&&) noexcept;
  ~Hasher() override;

  void update(std::string_view bytes);
  Result<> write(std::string_view bytes) override {
    update(bytes);
    return {};
  }
  // Lower-case hex of everything so far; the hasher may go on.
  std::string hex() const;
  // The running hash as bytes, for restore() to go on with, in another process, too: a byte with
  // the version of this form (1), the algorithm ('2' or '5'), eight words, the length in bits,
  // big-endian, and the bytes of the last, unfinished block.
  std::string save() const;
  // nullopt for what save() has not made.
  static std::optional<Hasher> restore(std::string_view saved);

 private:
  struct Context;
  std::unique_ptr<Context> context_;
};

std::string sha256_hex(std::string_view bytes);
std::string sha512_hex(std::string_view bytes);

// Passes a source on and hashes what goes through.
class HashingSource : public Source {
 public:
  HashingSource(Source& from, Hasher& hasher) : from_(from), hasher_(hasher) {}
  Result<size_t> read(std::span<char> buffer) override;

 private:
  Source& from_;
  Hasher& hasher_;
};

}  // namespace skiff
