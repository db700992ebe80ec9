#include "base/streamed_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <new>
#include <system_error>

#include "base/io.h"

namespace skiff {

namespace {

// A block is a huge page of x86-64 and arm64, where the system has one to spare: the disk then pins
// one page instead of 512, and nothing is faulted in piece by piece.
constexpr std::align_val_t kAlignment{StreamedFile::kBlock};

bool set_direct(int fd, bool on) {
  const int flags = ::fcntl(fd, F_GETFL);
  if (flags < 0) return false;
  return ::fcntl(fd, F_SETFL, on ? flags | O_DIRECT : flags & ~O_DIRECT) == 0;
}

// nullptr where there is no memory.
char* new_block() {
  auto* const block =
      static_cast<char*>(::operator new(StreamedFile::kBlock, kAlignment, std::nothrow));
  if (block != nullptr) ::madvise(block, StreamedFile::kBlock, MADV_HUGEPAGE);
  return block;
}

}  // namespace

void StreamedFile::Free::operator()(char* block) const { ::operator delete(block, kAlignment); }

bool StreamedFile::is_free(uint64_t number) const {
  if (number < kBlocks) return true;
  const uint64_t before = number - kBlocks + 1;  // blocks that must be done with
  return written_ >= before && reader_ >= before * kBlock;
}

Result<std::span<char>> StreamedFile::room() {
  if (filled_ == 0) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return !outcome_ || is_free(made_); });
    if (!outcome_) return outcome_.error();
    auto& block = blocks_[made_ % kBlocks];
    if (!block) block.reset(new_block());
    if (!block) return Error(Code::kResourceExhausted, "no memory for what is to be written");
    begun_ = made_ + 1;
  }
  return std::span(block(made_) + filled_, kBlock - filled_);
}

void StreamedFile::advance(size_t bytes) {
  filled_ += bytes;
  if (filled_ < kBlock) return;
  filled_ = 0;
  const std::scoped_lock lock(mutex_);
  ++made_;
  if (!writer_.joinable() && !start_writer()) {
    outcome_ = write({block(made_ - 1), kBlock});
    ++written_;
  }
  changed_.notify_all();
}

// False where the system has no more threads.
bool StreamedFile::start_writer() {
  try {
    writer_ = std::thread([this] { write_blocks(); });
    return true;
  } catch (const std::system_error&) {
    return false;
  }
}

void StreamedFile::write_blocks() {
  set_direct(fd_, true);
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [&] { return dropped_ || no_more_ || written_ < made_; });
    if (dropped_ || !outcome_ || written_ == made_) return;
    const char* const bytes = block(written_);
    lock.unlock();
    Result<> done = write({bytes, kBlock});
    lock.lock();
    if (done) {
      ++written_;
    } else {
      outcome_ = std::move(done);
    }
    changed_.notify_all();
  }
}

Result<> StreamedFile::write(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd_, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    // The file system does not take it so, or a short write left what is not aligned.
    if (n < 0 && errno == EINVAL && (::fcntl(fd_, F_GETFL) & O_DIRECT) != 0) {
      if (set_direct(fd_, false)) continue;
      errno = EINVAL;
    }
    if (n < 0) return Error::from_errno(errno, "write");
    bytes.remove_prefix(static_cast<size_t>(n));
  }
  return {};
}

void StreamedFile::stop_writer() {
  {
    const std::scoped_lock lock(mutex_);
    no_more_ = true;
    changed_.notify_all();
  }
  if (!writer_.joinable()) return;
  writer_.join();
  set_direct(fd_, false);
}

Result<> StreamedFile::finish() {
  stop_writer();
  if (!outcome_) return outcome_.error();
  if (filled_ == 0) return {};
  return FdSink(fd_).write({block(made_), filled_});
}

void StreamedFile::drop() {
  {
    const std::scoped_lock lock(mutex_);
    dropped_ = true;
  }
  stop_writer();
}

size_t StreamedFile::copy_from(uint64_t offset, std::span<char> buffer) {
  const uint64_t number = offset / kBlock;
  {
    const std::scoped_lock lock(mutex_);
    if (dropped_ || number >= begun_ || number + kBlocks < begun_) return 0;
  }
  const size_t start = offset % kBlock;
  const size_t n = std::min(buffer.size(), kBlock - start);
  std::memcpy(buffer.data(), block(number) + start, n);
  return n;
}

void StreamedFile::passed(uint64_t offset) {
  const std::scoped_lock lock(mutex_);
  const bool is_further = offset / kBlock != reader_ / kBlock;
  reader_ = offset;
  if (is_further) changed_.notify_all();  // else nobody has waited for that
}

}  // namespace skiff
