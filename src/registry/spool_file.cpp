#include "registry/spool_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "base/strings.h"

namespace skiff::registry {

Result<SpoolFile> SpoolFile::make(const Path& directory) {
  return SpoolFile(TRY_CONTEXT(open_file(directory, O_TMPFILE | O_RDWR, 0600),
                               cat("file in ", directory.native())));
}

SpoolFile::SpoolFile(SpoolFile&& other) noexcept
    : file_(std::move(other.file_)),
      size_(std::exchange(other.size_, 0)),
      mapped_(std::exchange(other.mapped_, nullptr)),
      mapped_size_(std::exchange(other.mapped_size_, 0)) {}

Result<> SpoolFile::append(std::string_view bytes) {
  unmap();
  while (!bytes.empty()) {
    const ssize_t n = ::pwrite(file_.get(), bytes.data(), bytes.size(), static_cast<off_t>(size_));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return Error::from_errno(errno, "write spool file");
    size_ += static_cast<size_t>(n);
    bytes.remove_prefix(static_cast<size_t>(n));
  }
  return {};
}

Result<std::string_view> SpoolFile::bytes() {
  unmap();
  if (size_ == 0) return std::string_view();
  void* at = ::mmap(nullptr, size_, PROT_READ, MAP_SHARED, file_.get(), 0);
  if (at == MAP_FAILED) return Error::from_errno(errno, "map spool file");
  mapped_ = at;
  mapped_size_ = size_;
  return std::string_view(static_cast<const char*>(at), size_);
}

Result<> SpoolFile::clear() {
  unmap();
  size_ = 0;
  if (::ftruncate(file_.get(), 0) != 0) return Error::from_errno(errno, "truncate spool file");
  return {};
}

void SpoolFile::unmap() {
  if (mapped_ != nullptr) ::munmap(mapped_, mapped_size_);
  mapped_ = nullptr;
}

}  // namespace skiff::registry
