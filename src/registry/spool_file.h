// SpoolFile: bytes on their way to an S3 store, which wants many at once. They are in a file
// without a name, not in memory: a hundred uploads whose clients are slow cost no more than a
// hundred files, and nobody waits for another's buffer. Owned by one thread.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "base/file.h"
#include "codec/hash.h"

namespace skiff::registry {

class SpoolFile {
 public:
  // In `directory`, which must be there; gone with the object.
  static Result<SpoolFile> make(const Path& directory);
  size_t size() const { return size_; }
  Result<> append(std::string_view bytes);
  // Fills the buffer with the bytes from `offset` on, while nothing is appended.
  Result<> read(uint64_t offset, std::span<char> buffer) const;
  // Of all of it, in hex.
  std::string sha256() const { return hasher_.hex(); }
  Result<> clear();

 private:
  explicit SpoolFile(UniqueFd file) : file_(std::move(file)) {}

  UniqueFd file_;
  size_t size_ = 0;
  Hasher hasher_;
};

}  // namespace skiff::registry
