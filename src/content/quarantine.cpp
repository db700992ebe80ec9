#include "content/quarantine.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <vector>

#include "base/log.h"
#include "base/strings.h"
#include "content/reconcile.h"

namespace skiff::content {

namespace {

struct Kept {
  Path file;
  uint64_t size = 0;
  timespec since{};  // the rename changed the inode
};

bool is_newer(const Kept& a, const Kept& b) {
  return std::pair(a.since.tv_sec, a.since.tv_nsec) > std::pair(b.since.tv_sec, b.since.tv_nsec);
}

}  // namespace

Path Quarantine::file(const oci::Digest& digest) const {
  return directory_ / digest.algorithm_name() / digest.hex();
}

Result<> Quarantine::take(const Path& blob, const oci::Digest& digest) {
  const Path to = file(digest);
  TRY(make_directories(to.parent_path(), 0700));
  if (::rename(blob.c_str(), to.c_str()) != 0) {
    return Error::from_errno(errno, cat("rename ", blob.native(), " to ", to.native()));
  }
  return keep_limits(to);
}

void Quarantine::drop(const oci::Digest& digest) const { ::unlink(file(digest).c_str()); }

Result<> Quarantine::keep_limits(const Path& newest) const {
  std::vector<Kept> others;
  uint64_t bytes = 0;
  TRY(visit_files(directory_, [&](const Path& each) -> Result<> {
    struct stat st{};
    if (::lstat(each.c_str(), &st) != 0) return {};
    const auto size = static_cast<uint64_t>(st.st_size);
    if (each == newest) {
      bytes += size;
    } else {
      others.push_back({.file = each, .size = size, .since = st.st_ctim});
    }
    return {};
  }));
  std::ranges::sort(others, is_newer);
  size_t files = 1;
  bool is_full = false;
  for (const Kept& kept : others) {
    bytes += kept.size;
    is_full = is_full || ++files > limits_.files || bytes > limits_.bytes;
    if (!is_full) continue;
    log_warn(cat("removing ", kept.file.native(), ": newer damaged blobs need its room"));
    ::unlink(kept.file.c_str());
  }
  return {};
}

}  // namespace skiff::content
