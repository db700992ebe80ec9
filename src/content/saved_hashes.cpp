#include "content/saved_hashes.h"

#include <sys/stat.h>

namespace skiff::content {

namespace {
// Beyond as many, one that is dropped costs a reading of its file, no more.
constexpr size_t kMost = 64;
}  // namespace

std::optional<SavedHashes::Key> SavedHashes::key_of(int file, HashAlgorithm algorithm) {
  struct stat st{};
  if (::fstat(file, &st) != 0) return std::nullopt;
  return Key{st.st_ino, st.st_size, st.st_mtim.tv_sec, st.st_mtim.tv_nsec, algorithm};
}

void SavedHashes::save(int file, HashAlgorithm algorithm, Hasher hash) {
  const auto key = key_of(file, algorithm);
  if (!key) return;
  const std::scoped_lock lock(mutex_);
  if (saved_.size() >= kMost) saved_.erase(saved_.begin());
  saved_.insert_or_assign(*key, std::move(hash));
}

std::optional<Hasher> SavedHashes::take(int file, HashAlgorithm algorithm) {
  const auto key = key_of(file, algorithm);
  if (!key) return std::nullopt;
  const std::scoped_lock lock(mutex_);
  auto found = saved_.extract(*key);
  if (!found) return std::nullopt;
  return std::move(found.mapped());
}

}  // namespace skiff::content
