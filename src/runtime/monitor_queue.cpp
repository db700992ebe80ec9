#include "runtime/monitor_queue.h"

#include <fcntl.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <utility>

#include "base/memory.h"
#include "base/strings.h"

namespace skiff::runtime {

namespace {

Result<UniqueFd> nameless_file(const Path& directory) {
  std::string name = (directory / ".output-XXXXXX").native();
  UniqueFd file(::mkostemp(name.data(), O_CLOEXEC));
  if (!file) return Error::from_errno(errno, cat("make a file in ", directory.native()));
  ::unlink(name.c_str());
  return file;
}

}  // namespace

void OutputQueue::append(std::string_view bytes) {
  if (overflowed_ || bytes.empty()) return;
  if (file_end_ == file_read_ && !memory_full()) {
    if (sent_ >= kMemory) memory_.erase(0, std::exchange(sent_, 0));
    memory_.append(bytes);
  } else {
    overflowed_ = !spill(bytes);
  }
}

Result<size_t> OutputQueue::send_to(int socket) {
  size_t total = 0;
  while (!empty()) {
    if (sent_ == memory_.size()) TRY(refill());
    ssize_t n =
        ::send(socket, memory_.data() + sent_, memory_.size() - sent_, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == EAGAIN) break;
    if (n < 0) return Error::from_errno(errno, "write to the client");
    sent_ += static_cast<size_t>(n);
    total += static_cast<size_t>(n);
  }
  if (sent_ == memory_.size()) {
    // Idle clients cost nothing.
    free_memory_of(memory_);
    sent_ = 0;
  }
  return total;
}

Result<> OutputQueue::spill(std::string_view bytes) {
  if (file_end_ + bytes.size() > kFile) return Error(Code::kResourceExhausted, "client too slow");
  if (!file_) file_ = TRY(nameless_file(directory_));
  uint64_t end = file_end_;
  while (!bytes.empty()) {
    ssize_t n = ::pwrite(file_.get(), bytes.data(), bytes.size(), static_cast<off_t>(end));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return Error::from_errno(errno, "keep output for a client");
    end += static_cast<uint64_t>(n);
    bytes.remove_prefix(static_cast<size_t>(n));
  }
  file_end_ = end;
  return {};
}

// The next part of the file into the memory, all of which is sent.
Result<> OutputQueue::refill() {
  memory_.resize(static_cast<size_t>(std::min<uint64_t>(file_end_ - file_read_, kMemory)));
  sent_ = 0;
  ssize_t n = ::pread(file_.get(), memory_.data(), memory_.size(), static_cast<off_t>(file_read_));
  if (n <= 0) return Error::from_errno(n < 0 ? errno : EIO, "read output kept for a client");
  memory_.resize(static_cast<size_t>(n));
  file_read_ += static_cast<uint64_t>(n);
  if (file_read_ == file_end_) {
    file_.reset();
    file_read_ = file_end_ = 0;
  }
  return {};
}

}  // namespace skiff::runtime
