// SpoolFile: bytes on their way to an S3 store, which wants many at once. They are in a file
// without a name, not in memory: a hundred uploads whose clients are slow cost no more than a
// hundred files, and nobody waits for another's buffer. Owned by one thread.
#pragma once

#include <string_view>

#include "base/file.h"

namespace skiff::registry {

class SpoolFile {
 public:
  // In `directory`, which must be there; gone with the object.
  static Result<SpoolFile> make(const Path& directory);
  SpoolFile(SpoolFile&& other) noexcept;
  SpoolFile& operator=(SpoolFile&&) = delete;
  ~SpoolFile() { unmap(); }

  size_t size() const { return size_; }
  Result<> append(std::string_view bytes);
  // All of it, mapped: until the next call of another function.
  Result<std::string_view> bytes();
  Result<> clear();

 private:
  explicit SpoolFile(UniqueFd file) : file_(std::move(file)) {}
  void unmap();

  UniqueFd file_;
  size_t size_ = 0;
  void* mapped_ = nullptr;
  size_t mapped_size_ = 0;
};

}  // namespace skiff::registry
