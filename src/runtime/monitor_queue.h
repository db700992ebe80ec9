// OutputQueue: what a client has still to get. It grows in memory first and then in an unlinked
// file, so that a client that has stopped reading costs disk and not memory; up to a bound.
//
//   queue.append(frame);
//   queue.send_to(socket);            // what fits now
//   if (queue.overflowed()) ...       // from here on, bytes were dropped
//
// Thread-compatible.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/file.h"

namespace skiff::runtime {

class OutputQueue {
 public:
  static constexpr size_t kMemory = 256 << 10;
  static constexpr uint64_t kFile = uint64_t{1} << 30U;

  // The file is made below `directory` when it is needed.
  explicit OutputQueue(Path directory) : directory_(std::move(directory)) {}

  // Takes all or, beyond the bound or on a full disk, nothing, from then on for good.
  void append(std::string_view bytes);
  // Sends what the socket takes; returns how much. An error when the client has gone.
  Result<size_t> send_to(int socket);

  uint64_t size() const { return memory_.size() - sent_ + (file_end_ - file_read_); }
  bool empty() const { return size() == 0; }
  // True when the next append() would go to the file.
  bool memory_full() const { return size() >= kMemory; }
  bool overflowed() const { return overflowed_; }

 private:
  Result<> spill(std::string_view bytes);
  Result<> refill();

  Path directory_;
  std::string memory_;
  size_t sent_ = 0;  // of memory_
  UniqueFd file_;
  uint64_t file_read_ = 0;
  uint64_t file_end_ = 0;
  bool overflowed_ = false;
};

}  // namespace skiff::runtime
