// Reading an ingest from its start while another thread writes it.
//
//   auto growth = std::make_shared<IngestGrowth>();      // the writer's side
//   IngestTail tail(opened_again, size, growth, stream, cancel);
//   growth->reached(offset) ...; growth->ended();
//
// The bytes come out of the memory of a StreamedFile, where the writer has one, which then keeps
// pace with the reader. Else the file is the buffer between them, and a slow reader costs no
// memory.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>

#include "base/cancellation.h"
#include "base/io.h"
#include "base/streamed_file.h"
#include "base/unique_fd.h"

namespace skiff::content {

// How far an ingest has come. Thread-safe.
class IngestGrowth {
 public:
  // So many bytes are there now: fewer than before where the ingest starts again.
  void reached(uint64_t bytes);
  // Nobody writes any more.
  void ended();
  // Waits until `bytes` are there, or the end; returns how many are. kCancelled.
  Result<uint64_t> wait_for(uint64_t bytes, const CancelToken& cancel);

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  uint64_t bytes_ = 0;
  uint64_t wanted_ = UINT64_MAX;  // what the first of those who wait waits for
  bool ended_ = false;
};

class IngestTail : public Source {
 public:
  // `stream` may be nullptr. `file` is an open file of its own, not a duplicate: the stream changes
  // the flags of its own.
  IngestTail(UniqueFd file, uint64_t size, std::shared_ptr<IngestGrowth> growth,
             std::shared_ptr<StreamedFile> stream, const CancelToken& cancel)
      : file_(std::move(file)),
        size_(size),
        growth_(std::move(growth)),
        stream_(std::move(stream)),
        cancel_(cancel) {}
  IngestTail(const IngestTail&) = delete;
  IngestTail& operator=(const IngestTail&) = delete;
  ~IngestTail() override;

  // kUnavailable where the ingest ends before `size` bytes.
  Result<size_t> read(std::span<char> buffer) override;

 private:
  Result<size_t> read_at_offset(std::span<char> buffer);

  UniqueFd file_;
  const uint64_t size_;
  std::shared_ptr<IngestGrowth> growth_;
  std::shared_ptr<StreamedFile> stream_;
  const CancelToken cancel_;
  uint64_t offset_ = 0;
  uint64_t there_ = 0;  // bytes at the last look
};

}  // namespace skiff::content
