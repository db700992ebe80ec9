#include "base/space_reserve.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/log.h"
#include "base/strings.h"

namespace skiff {

SpaceReserve::SpaceReserve(Path file, uint64_t bytes) : file_(std::move(file)), bytes_(bytes) {
  ::unlink(file_.c_str());
}

SpaceReserve::Loan SpaceReserve::borrow() {
  const std::scoped_lock lock(mutex_);
  if (loans_++ == 0) ::unlink(file_.c_str());
  return Loan(this);
}

void SpaceReserve::give_back() {
  const std::scoped_lock lock(mutex_);
  if (--loans_ > 0) return;
  if (const auto made = make(); !made) {
    // The next one who removes something tries again.
    log_warn(cat("no room is kept in reserve: ", made.error().message()));
  }
}

Result<> SpaceReserve::make() const {
  const UniqueFd fd = TRY(open_file(file_, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
  const int failed = ::posix_fallocate(fd.get(), 0, static_cast<off_t>(bytes_));
  if (failed == 0) return {};
  ::unlink(file_.c_str());  // half of it is of no use to anybody
  return Error::from_errno(failed, cat("allocate ", file_.native()));
}

}  // namespace skiff
