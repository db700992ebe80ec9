// SavedHashes: how far ingests were hashed that nobody has open now, so that who continues one
// does not read it again.
//
// In memory only: after a crash a file may hold less than was written, and is hashed anew. So is
// one that changed since. Thread-safe.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <tuple>

#include "codec/hash.h"

namespace skiff::content {

class SavedHashes {
 public:
  // The hash of all that `file` holds.
  void save(int file, HashAlgorithm algorithm, Hasher hash);
  // It again, once; nullopt where it is not known.
  std::optional<Hasher> take(int file, HashAlgorithm algorithm);

 private:
  // Inode, size, time of the last write, algorithm: another key is another content.
  using Key = std::tuple<uint64_t, int64_t, int64_t, int64_t, HashAlgorithm>;
  static std::optional<Key> key_of(int file, HashAlgorithm algorithm);

  std::mutex mutex_;
  std::map<Key, Hasher> saved_;
};

}  // namespace skiff::content
