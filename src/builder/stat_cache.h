// StatCache: hashes of files in contexts on this machine, remembered across builds and daemons,
// so that an unchanged file is not read again (decision 025).
//
//   cache.find(files, hashes);    // of many at once
//   began = cache.now(), after an fstat; read and hash the file; fstat: the same
//   cache.put(st, began, hash);
//
// A file is known again by device, inode, size, mtime and ctime, all to the nanosecond. What was
// changed shortly before it was hashed is not kept: another change in the same tick of the clock
// would not show. Bounded: of more than kMost files those seen last stay. Thread-safe.
#pragma once

#include <sys/stat.h>

#include <array>
#include <memory>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <span>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/file.h"

namespace skiff::builder {

class StatCache {
 public:
  using Hash = std::array<char, 32>;
  struct Asked {
    const struct stat* file = nullptr;
    std::optional<Hash> hash;  // the answer
  };

  static constexpr size_t kMost = size_t{1} << 18U;
  // Coarser than any clock of the file systems that are trusted.
  static constexpr std::chrono::nanoseconds kGranularity = std::chrono::seconds(2);

  // A file that is missing, damaged or of another version is an empty cache.
  static std::unique_ptr<StatCache> open(Path file, const Clock& clock = Clock::system(),
                                         size_t most = kMost);

  // Whether the file system of an open directory tells changes by ctime: local ones do.
  static bool trusts_files_at(int directory);

  TimePoint now() const { return clock_.now(); }
  // Whether its last change is so long ago that another one would have another time.
  bool is_settled(const struct stat& st) const { return is_settled(st, now()); }
  void find(std::span<Asked> files);
  std::optional<std::string> find(const struct stat& st);  // as hexadecimal digits
  static void append_hex(const Hash& hash, std::string& to);
  static std::optional<Hash> from_hex(std::string_view hex);
  // `began`: when the reading began, after `st` was taken.
  void put(const struct stat& st, TimePoint began, const std::string& hex);
  // The same for a file that nobody writes to from now on.
  void put_still(const struct stat& st, const std::string& hex);
  // Writes down what is new.
  Result<> save();

 private:
  struct Key {
    uint64_t device = 0;
    uint64_t inode = 0;
    bool operator==(const Key&) const = default;
  };
  struct Entry {
    uint64_t size = 0;
    int64_t mtime = 0;
    int64_t ctime = 0;
    uint64_t seen = 0;  // the run of the cache
    Hash hash{};
  };
  struct Row {
    Key key;
    Entry entry;
  };

  StatCache(Path file, const Clock& clock, size_t most)
      : file_(std::move(file)), clock_(clock), most_(most) {}
  static bool is_settled(const struct stat& st, TimePoint now);
  void load(std::string_view bytes);
  void drop_oldest();
  void put_row(const Row& row);
  // Where in index_ the key is, or would be.
  size_t slot_of(const Key& key) const;
  void make_index();

  Path file_;
  const Clock& clock_;
  size_t most_;
  std::mutex saving_;
  std::shared_mutex mutex_;  // of what follows
  std::vector<Row> rows_;
  // Of rows, from 1 on; 0 for none. A power of two, at most half of them taken: a file's place
  // is its key's hash, or the next one that is free.
  std::vector<uint32_t> index_;
  uint64_t run_ = 1;  // counts savings: what was seen in the latest is younger
  bool is_new_ = false;
};

}  // namespace skiff::builder
