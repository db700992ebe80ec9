#include "base/io.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <vector>

#include "base/strings.h"

namespace skiff {

constexpr size_t kCopyBuffer = size_t{128} * 1024;
constexpr size_t kReadBuffer = size_t{64} * 1024;

namespace {

bool all_zero(std::span<const char> bytes) {
  return bytes[0] == 0 && std::memcmp(bytes.data(), bytes.data() + 1, bytes.size() - 1) == 0;
}

}  // namespace

Result<uint64_t> Source::skip(uint64_t bytes) {
  std::array<char, size_t{16} << 10U> buffer;  // not cleared: nobody looks
  uint64_t left = bytes;
  while (left > 0) {
    const auto want = static_cast<size_t>(std::min<uint64_t>(left, buffer.size()));
    const size_t n = TRY(read(std::span(buffer).first(want)));
    if (n == 0) break;
    left -= n;
  }
  return bytes - left;
}

Result<uint64_t> copy(Source& from, Sink& to) {
  std::vector<char> buffer(kCopyBuffer);
  uint64_t total = 0;
  for (;;) {
    size_t n = TRY(from.read(buffer));
    if (n == 0) return total;
    TRY(to.write({buffer.data(), n}));
    total += n;
  }
}

Result<> copy_sparse(Source& from, int fd, const CancelToken& cancel) {
  std::array<char, size_t{64} << 10U> buffer;  // not cleared: most files are small
  FdSink sink(fd);
  off_t offset = 0;
  off_t written = 0;
  for (;;) {
    TRY(cancel.check());
    offset += static_cast<off_t>(from.skip_hole());
    size_t n = TRY(read_full(from, buffer));
    if (n == 0) break;
    if (n < buffer.size() || !all_zero(buffer)) {
      if (written != offset && ::lseek(fd, offset, SEEK_SET) < 0) {
        return Error::from_errno(errno, "seek");
      }
      TRY(sink.write({buffer.data(), n}));
      written = offset + static_cast<off_t>(n);
    }
    offset += static_cast<off_t>(n);
  }
  if (written != offset && ::ftruncate(fd, offset) != 0) {
    return Error::from_errno(errno, "truncate");
  }
  return {};
}

Result<size_t> read_full(Source& from, std::span<char> buffer) {
  size_t filled = 0;
  while (filled < buffer.size()) {
    size_t n = TRY(from.read(buffer.subspan(filled)));
    if (n == 0) break;
    filled += n;
  }
  return filled;
}

Result<std::string> read_all(Source& from, size_t limit) {
  std::string text;
  // Not cleared: most of what is read is short, and every page touched costs a fault.
  const size_t size = limit < kReadBuffer ? limit + 1 : kReadBuffer;
  const auto buffer = std::make_unique_for_overwrite<char[]>(size);
  for (;;) {
    size_t n = TRY(from.read({buffer.get(), size}));
    if (n == 0) return text;
    if (text.size() + n > limit) {
      return Error(Code::kResourceExhausted, cat("input is larger than ", limit, " bytes"));
    }
    text.append(buffer.get(), n);
  }
}

Result<size_t> FdSource::read(std::span<char> buffer) {
  for (;;) {
    ssize_t n = ::read(fd_, buffer.data(), buffer.size());
    if (n >= 0) return static_cast<size_t>(n);
    if (errno != EINTR) return Error::from_errno(errno, "read");
  }
}

Result<> FdSink::write(std::string_view bytes) {
  while (!bytes.empty()) {
    ssize_t n = ::write(fd_, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return Error::from_errno(errno, "write");
    bytes.remove_prefix(static_cast<size_t>(n));
  }
  return {};
}

Result<size_t> StringSource::read(std::span<char> buffer) {
  size_t n = std::min(buffer.size(), rest_.size());
  std::memcpy(buffer.data(), rest_.data(), n);
  rest_.remove_prefix(n);
  return n;
}

Result<size_t> LimitedSource::read(std::span<char> buffer) {
  size_t want = static_cast<size_t>(std::min<uint64_t>(buffer.size(), left_));
  if (want == 0) return size_t{0};
  size_t n = TRY(from_.read(buffer.first(want)));
  left_ -= n;
  return n;
}

}  // namespace skiff
