#include "db/commit_watch.h"

#include <sqlite3.h>

namespace skiff {

namespace {

constexpr int kRegion = 32768;  // what SQLite maps the index by
constexpr size_t kWords = std::tuple_size_v<CommitMark>;
// "isInit" is a byte of this word: none of it is set in a header that was never written.
constexpr size_t kInitWord = 3;

// Others write there meanwhile: who compares two copies finds that out. What is read after this is
// read later.
__attribute__((no_sanitize("thread"))) CommitMark copy_of(const volatile uint32_t* header) {
  CommitMark copy;
  for (size_t i = 0; i < kWords; ++i) copy[i] = __atomic_load_n(&header[i], __ATOMIC_ACQUIRE);
  return copy;
}

}  // namespace

// The mapping is SQLite's. Another of our own would need a descriptor of the file, and whoever
// closes one gives up the locks of all connections of the process.
CommitWatch::CommitWatch(sqlite3* db) {
  sqlite3_file* file = nullptr;
  const int rc = sqlite3_file_control(db, "main", SQLITE_FCNTL_FILE_POINTER, &file);
  if (rc != SQLITE_OK || file == nullptr || file->pMethods == nullptr) return;
  if (file->pMethods->iVersion < 2 || file->pMethods->xShmMap == nullptr) return;
  volatile void* region = nullptr;
  if (file->pMethods->xShmMap(file, 0, kRegion, 0, &region) != SQLITE_OK) return;
  headers_ = static_cast<const volatile uint32_t*>(region);
}

// Who commits writes the second copy before the first.
std::optional<CommitMark> CommitWatch::mark() const {
  if (headers_ == nullptr) return std::nullopt;
  const CommitMark first = copy_of(headers_);
  const CommitMark second = copy_of(headers_ + kWords);
  if (first != second || first[kInitWord] == 0) return std::nullopt;
  return first;
}

}  // namespace skiff
