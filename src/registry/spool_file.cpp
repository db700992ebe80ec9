#include "registry/spool_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "base/strings.h"

namespace skiff::registry {

Result<SpoolFile> SpoolFile::make(const Path& directory) {
  return SpoolFile(TRY_CONTEXT(open_file(directory, O_TMPFILE | O_RDWR, 0600),
                               cat("file in ", directory.native())));
}

Result<> SpoolFile::append(std::string_view bytes) {
  hasher_.update(bytes);
  while (!bytes.empty()) {
    const ssize_t n = ::pwrite(file_.get(), bytes.data(), bytes.size(), static_cast<off_t>(size_));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return Error::from_errno(errno, "write spool file");
    size_ += static_cast<size_t>(n);
    bytes.remove_prefix(static_cast<size_t>(n));
  }
  return {};
}

Result<> SpoolFile::read(uint64_t offset, std::span<char> buffer) const {
  while (!buffer.empty()) {
    const ssize_t n =
        ::pread(file_.get(), buffer.data(), buffer.size(), static_cast<off_t>(offset));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return Error::from_errno(errno, "read spool file");
    if (n == 0) return Error(Code::kInternal, "a spool file ends early");
    offset += static_cast<uint64_t>(n);
    buffer = buffer.subspan(static_cast<size_t>(n));
  }
  return {};
}

Result<> SpoolFile::clear() {
  size_ = 0;
  hasher_ = Hasher();
  if (::ftruncate(file_.get(), 0) != 0) return Error::from_errno(errno, "truncate spool file");
  return {};
}

}  // namespace skiff::registry
