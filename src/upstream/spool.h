// Spool: bytes that one thread writes while any number of others read them, each at its own pace:
// a file without a name.
//
//   spool->expect(size); spool->write(...); spool->end({});        // the writer
//   TRY(spool->size(gone)); TRY(spool->read(at, buffer, gone));    // each reader
//   TRY(spool->outcome(gone));                                     // is what was read right?
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>

#include "base/cancellation.h"
#include "base/file.h"

namespace skiff::upstream {

class Spool {
 public:
  static Result<std::shared_ptr<Spool>> make(const Path& directory);
  explicit Spool(UniqueFd file) : file_(std::move(file)) {}

  // Of the writer.
  void expect(uint64_t size);
  Result<> write(std::string_view bytes);
  void restart();  // the same bytes come again, from the first
  // Nobody writes any more; only then is it told whether the bytes are right.
  void end(Result<> outcome);
  bool is_over();

  // Of readers; each waits, and fails with kCancelled when `gone` is.
  // nullopt where it ended without bytes, because they are to be had elsewhere.
  Result<std::optional<uint64_t>> size(const CancelToken& gone);
  // At least one byte, of `offset` below the size. Not verified.
  Result<size_t> read(uint64_t offset, std::span<char> buffer, const CancelToken& gone);
  Result<> outcome(const CancelToken& gone);

 private:
  Result<> wait(std::unique_lock<std::mutex>& lock, const CancelToken& gone,
                const std::function<bool()>& is_there);

  UniqueFd file_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<uint64_t> size_;
  uint64_t written_ = 0;
  std::optional<Result<>> outcome_;
};

}  // namespace skiff::upstream
