#include "upstream/spool.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/random.h"
#include "base/strings.h"
#include "upstream/flights.h"

namespace skiff::upstream {

Result<std::shared_ptr<Spool>> Spool::make(const Path& directory) {
  const Path name = directory / cat("spool-", random_hex(16));
  UniqueFd file = TRY(open_file(name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, 0600));
  ::unlink(name.c_str());
  return std::make_shared<Spool>(std::move(file));
}

void Spool::expect(uint64_t size) {
  std::lock_guard lock(mutex_);
  size_ = size;
  changed_.notify_all();
}

Result<> Spool::write(std::string_view bytes) {
  uint64_t at = 0;
  {
    std::lock_guard lock(mutex_);
    at = written_;
  }
  while (!bytes.empty()) {
    const ssize_t n = ::pwrite(file_.get(), bytes.data(), bytes.size(), static_cast<off_t>(at));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return Error::from_errno(errno, "spool a blob");
    bytes.remove_prefix(static_cast<size_t>(n));
    at += static_cast<uint64_t>(n);
  }
  std::lock_guard lock(mutex_);
  written_ = at;
  changed_.notify_all();
  return {};
}

void Spool::restart() {
  std::lock_guard lock(mutex_);
  written_ = 0;
}

void Spool::end(Result<> outcome) {
  std::lock_guard lock(mutex_);
  outcome_ = std::move(outcome);
  changed_.notify_all();
}

bool Spool::is_over() {
  std::lock_guard lock(mutex_);
  return outcome_.has_value();
}

Result<> Spool::wait(std::unique_lock<std::mutex>& lock, const CancelToken& gone,
                     const std::function<bool()>& is_there) {
  while (!changed_.wait_for(lock, kLook, is_there)) TRY(gone.check());
  return {};
}

Result<std::optional<uint64_t>> Spool::size(const CancelToken& gone) {
  std::unique_lock lock(mutex_);
  TRY(wait(lock, gone, [&] { return size_ || outcome_; }));
  if (outcome_ && !*outcome_) return outcome_->error();
  return size_;
}

Result<size_t> Spool::read(uint64_t offset, std::span<char> buffer, const CancelToken& gone) {
  uint64_t there = 0;
  {
    std::unique_lock lock(mutex_);
    TRY(wait(lock, gone, [&] { return written_ > offset || outcome_; }));
    if (written_ <= offset && !*outcome_) return outcome_->error();
    there = written_ - std::min(written_, offset);
  }
  const size_t wanted = std::min<uint64_t>(buffer.size(), there);
  const ssize_t n = ::pread(file_.get(), buffer.data(), wanted, static_cast<off_t>(offset));
  if (n > 0) return static_cast<size_t>(n);
  return Error(Code::kUnavailable, "the blob ended before its time");
}

Result<> Spool::outcome(const CancelToken& gone) {
  std::unique_lock lock(mutex_);
  TRY(wait(lock, gone, [&] { return outcome_.has_value(); }));
  return *outcome_;
}

}  // namespace skiff::upstream
