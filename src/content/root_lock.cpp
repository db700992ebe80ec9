#include "content/root_lock.h"

#include <fcntl.h>
#include <sys/file.h>

#include <cerrno>

#include "base/strings.h"

namespace skiff::content {

Result<RootLock> RootLock::take(const Path& root) {
  UniqueFd fd = TRY(open_file(root / "lock", O_RDWR | O_CREAT, 0600));
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) == 0) return RootLock(std::move(fd));
  if (errno == EWOULDBLOCK) {
    return Error(Code::kUnavailable, cat(root.native(), " is in use by another process"));
  }
  return Error::from_errno(errno, cat("lock ", root.native()));
}

}  // namespace skiff::content
