#include "runtime/descriptors.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>

#include "base/strings.h"
#include "sys/id_map.h"
#include "sys/procfs.h"

namespace skiff::runtime {

namespace {

constexpr int kFirstPassed = 3;  // behind standard error

bool is_null_device(const struct stat& st) {
  return S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 3);
}

Result<> close_between(int first, int last) {
  if (first > last) return {};
  if (::close_range(static_cast<unsigned>(first), static_cast<unsigned>(last), 0) != 0) {
    return Error::from_errno(errno, "close descriptors");
  }
  return {};
}

Result<UniqueFd> movable_copy(int fd, int number, int above) {
  if (fd < 0) {
    UniqueFd null = TRY(open_file("/dev/null", number == 0 ? O_RDONLY : O_WRONLY));
    fd = null.get();
    UniqueFd copy(::fcntl(fd, F_DUPFD_CLOEXEC, above));
    if (!copy) return Error::from_errno(errno, "duplicate /dev/null");
    return copy;
  }
  UniqueFd copy(::fcntl(fd, F_DUPFD_CLOEXEC, above));
  if (!copy) return Error::from_errno(errno, cat("duplicate descriptor ", fd));
  return copy;
}

}  // namespace

Result<> check_preserved(int count) {
  if (count < 0) return Error(Code::kInvalidArgument, "a negative number of descriptors to keep");
  for (int fd = kFirstPassed; fd < kFirstPassed + count; ++fd) {
    if (::fcntl(fd, F_GETFD) < 0) {
      return Error(Code::kInvalidArgument, cat("descriptor ", fd, " is to be kept but not open"));
    }
  }
  return {};
}

Result<> install_stdio(const Stdio& stdio, int preserved) {
  // Copied above every target first, so that no dup2 overwrites a source still needed.
  const std::array<int, 3> wanted = {stdio.in, stdio.out, stdio.err};
  std::array<UniqueFd, 3> copies;
  for (size_t i = 0; i < copies.size(); ++i) {
    copies.at(i) = TRY(movable_copy(wanted.at(i), static_cast<int>(i), kFirstPassed + preserved));
  }
  for (size_t i = 0; i < copies.size(); ++i) {
    if (::dup2(copies.at(i).get(), static_cast<int>(i)) < 0) {
      return Error::from_errno(errno, cat("install descriptor ", i));
    }
  }
  return {};
}

Result<> close_others(std::vector<int> keep, int preserved) {
  std::sort(keep.begin(), keep.end());
  int first = kFirstPassed + preserved;
  for (int fd : keep) {
    if (fd < first) continue;
    TRY(close_between(first, fd - 1));
    first = fd + 1;
  }
  return close_between(first, INT_MAX);
}

Result<> prepare_for_exec(int preserved) {
  for (int fd = kFirstPassed; fd < kFirstPassed + preserved; ++fd) {
    if (::fcntl(fd, F_SETFD, 0) != 0) {
      return Error::from_errno(errno, cat("keep descriptor ", fd));
    }
  }
  auto first = static_cast<unsigned>(kFirstPassed + preserved);
  if (::close_range(first, UINT_MAX, CLOSE_RANGE_CLOEXEC) != 0) {
    return Error::from_errno(errno, "mark descriptors close-on-exec");
  }
  return {};
}

Result<> reopen_null() {
  UniqueFd null;
  for (int fd = 0; fd < kFirstPassed; ++fd) {
    struct stat st{};
    if (::fstat(fd, &st) != 0 || !is_null_device(st)) continue;
    if (!null) null.reset(::open("/dev/null", O_RDWR | O_CLOEXEC | O_NOFOLLOW));
    if (!null || ::fstat(null.get(), &st) != 0) return {};  // the container has none
    if (!is_null_device(st)) {
      return Error(Code::kFailedPrecondition, "the container's /dev/null is another file");
    }
    if (::dup2(null.get(), fd) < 0) return Error::from_errno(errno, "reopen /dev/null");
  }
  return {};
}

void give_stdio(uid_t uid) {
  for (int fd = 0; fd < kFirstPassed; ++fd) {
    struct stat st{};
    if (::fstat(fd, &st) != 0 || is_null_device(st) || st.st_uid == uid) continue;
    // A socket, a read-only file system, an owner outside the user namespace: it stays.
    [[maybe_unused]] int given = ::fchown(fd, uid, st.st_gid);
  }
}

void lend_pipes(const Stdio& stdio, pid_t pid, uid_t uid) {
  Result<const sys::ProcFs*> proc = sys::ProcFs::ours();
  Result<std::string> text = proc ? (*proc)->read(cat(pid, "/uid_map")) : proc.error();
  const std::vector<sys::IdMapping> map = sys::parse_mapping_text(text.value_or(""));
  const std::optional<uint32_t> outside = sys::outside_id(map, uid);
  if (!outside) return;
  for (const int fd : {stdio.in, stdio.out, stdio.err}) {
    struct stat st{};
    if (fd < 0 || ::fstat(fd, &st) != 0 || !S_ISFIFO(st.st_mode)) continue;
    if (sys::inside_id(map, st.st_uid)) continue;
    [[maybe_unused]] const int given = ::fchown(fd, *outside, st.st_gid);
  }
}

}  // namespace skiff::runtime
