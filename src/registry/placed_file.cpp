#include "registry/placed_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "base/io.h"
#include "base/scope_exit.h"
#include "base/strings.h"

namespace skiff::registry {

namespace {

// Reasons of link(2) that a copy gets around.
bool is_no_link(int reason) {
  return reason == EXDEV || reason == EPERM || reason == EMLINK || reason == EOPNOTSUPP;
}

// The kernel copies, or lets both have the same blocks; where it cannot, we do.
Result<> copy_bytes(int from, int to, uint64_t size) {
  for (uint64_t done = 0; done < size;) {
    const ssize_t n = ::copy_file_range(from, nullptr, to, nullptr, size - done, 0);
    if (n == 0) break;
    if (n > 0) {
      done += static_cast<uint64_t>(n);
      continue;
    }
    if (errno == EINTR) continue;
    if (errno != EXDEV && errno != EINVAL && errno != EOPNOTSUPP && errno != ENOSYS) {
      return Error::from_errno(errno, "copy");
    }
    FdSource source(from);
    FdSink sink(to);
    TRY(copy(source, sink));
    return {};
  }
  return {};
}

Result<> copy_whole(const Path& from, const Path& to) {
  const UniqueFd source = TRY(open_file(from, O_RDONLY));
  struct stat st{};
  if (::fstat(source.get(), &st) != 0) return Error::from_errno(errno, "stat");
  const Path part = cat(to.native(), ".part");
  ::unlink(part.c_str());
  const UniqueFd made = TRY(open_file(part, O_WRONLY | O_CREAT | O_EXCL, 0600));
  ScopeExit undo([&] { ::unlink(part.c_str()); });
  TRY(copy_bytes(source.get(), made.get(), static_cast<uint64_t>(st.st_size)));
  const timespec times[] = {{0, UTIME_OMIT}, st.st_mtim};
  if (::futimens(made.get(), times) != 0 || ::fchmod(made.get(), st.st_mode & 0777U) != 0) {
    return Error::from_errno(errno, "set mode and time");
  }
  TRY(DurableFiles::system().sync_file(made.get()));
  TRY(DurableFiles::system().rename(part, to));
  undo.dismiss();
  return {};
}

}  // namespace

Result<> place_file(const Path& from, const Path& to, Placing how) {
  const std::string what = cat(from.native(), " to ", to.native());
  if (how == Placing::kCopy) return copy_whole(from, to).context(what);
  ::unlink(to.c_str());
  if (::link(from.c_str(), to.c_str()) == 0) return {};
  if (!is_no_link(errno)) return Error::from_errno(errno, cat("link ", what));
  return copy_whole(from, to).context(what);
}

}  // namespace skiff::registry
