// StreamedFile: bytes on their way into an empty file, past the page cache, with which a reader in
// another thread keeps pace.
//
//   StreamedFile file(fd);
//   std::span<char> room = TRY(file.room());     // where the next bytes go
//   ... fill the first n bytes ...
//   file.advance(n);                             // they are the file's now
//   TRY(file.finish());                          // and in it; not synced
//
// Full blocks are written by a thread of its own, in order, and with O_DIRECT where the file system
// takes it: that costs a fifth of the CPU of the way through the page cache, and whoever makes the
// bytes goes on meanwhile. Less than a block is written in the usual way.
//
// For one thread, but for the reader's two calls. The descriptor is not owned; its flags and offset
// are this object's until finish(). What was not finished may be missing from the file.
#pragma once

#include <array>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string_view>
#include <thread>

#include "base/result.h"

namespace skiff {

class StreamedFile {
 public:
  // So large that a request costs nothing beside its bytes.
  static constexpr size_t kBlock = size_t{2} << 20U;
  // One for the maker and one for the disk.
  static constexpr size_t kBlocks = 2;

  // With a reader, a block is kept until that has passed it.
  explicit StreamedFile(int fd, bool has_reader = false)
      : fd_(fd), reader_(has_reader ? 0 : UINT64_MAX) {}
  StreamedFile(const StreamedFile&) = delete;
  StreamedFile& operator=(const StreamedFile&) = delete;
  ~StreamedFile() { drop(); }

  // Never empty. Waits for the disk, and for the reader, while all blocks are full; fails at the
  // next block's beginning once a write has failed. The bytes of earlier calls stay where they are
  // until the block is full and this is called again.
  Result<std::span<char>> room();
  void advance(size_t bytes);
  // The descriptor is at the file's end, and no longer O_DIRECT.
  Result<> finish();
  // Writes no more, and gives the reader nothing more. The file has then any part of the bytes.
  void drop();

  // For the reader: copies what follows `offset`, as far as it is in the same block, where that is
  // still in memory (0 otherwise). `buffer` must not reach beyond what was advanced.
  size_t copy_from(uint64_t offset, std::span<char> buffer);
  // The reader has what is before; UINT64_MAX where it wants nothing more.
  void passed(uint64_t offset);

 private:
  struct Free {
    void operator()(char* block) const;
  };

  char* block(uint64_t number) { return blocks_[number % kBlocks].get(); }
  bool is_free(uint64_t number) const;
  bool start_writer();
  void write_blocks();
  Result<> write(std::string_view bytes);
  void stop_writer();

  int fd_;
  std::array<std::unique_ptr<char, Free>, kBlocks> blocks_;
  size_t filled_ = 0;  // of the block that is being made

  std::mutex mutex_;
  std::condition_variable changed_;
  uint64_t begun_ = 0;    // blocks that have memory, or had
  uint64_t made_ = 0;     // of those: full
  uint64_t written_ = 0;  // of those
  uint64_t reader_;       // bytes it has passed
  bool no_more_ = false;  // full blocks will come
  bool dropped_ = false;
  Result<> outcome_;
  std::thread writer_;
};

}  // namespace skiff
