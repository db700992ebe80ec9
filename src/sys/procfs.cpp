#include "sys/procfs.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cerrno>
#include <mutex>
#include <optional>

#include "base/io.h"
#include "base/strings.h"
#include "sys/mounts.h"

namespace skiff::sys {

namespace {

constexpr ino_t kRootInode = 1;  // PROC_ROOT_INO
constexpr size_t kReadLimit = size_t{64} << 20U;

Result<> check_procfs(int fd, std::string_view path) {
  struct statfs info{};
  if (::fstatfs(fd, &info) != 0) return Error::from_errno(errno, cat("stat /proc/", path));
  if (info.f_type == PROC_SUPER_MAGIC) return {};
  return Error(Code::kFailedPrecondition, cat("/proc/", path, " is no file of procfs"));
}

Result<UniqueFd> checked_host_proc() {
  UniqueFd root = TRY(open_file("/proc", O_PATH | O_DIRECTORY | O_NOFOLLOW));
  TRY(check_procfs(root.get(), ""));
  struct stat st{};
  if (::fstat(root.get(), &st) != 0) return Error::from_errno(errno, "stat /proc");
  if (st.st_ino == kRootInode) return root;
  return Error(Code::kFailedPrecondition, "/proc is not the root of a procfs");
}

Result<UniqueFd> open_proc(int root, const std::string& path, int flags) {
  open_how how{};
  how.flags = static_cast<uint64_t>(flags) | O_CLOEXEC;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_XDEV | RESOLVE_NO_MAGICLINKS;
  UniqueFd fd(static_cast<int>(::syscall(SYS_openat2, root, path.c_str(), &how, sizeof how)));
  if (!fd) return Error::from_errno(errno, cat("open /proc/", path));
  TRY(check_procfs(fd.get(), path));
  return fd;
}

}  // namespace

Result<const ProcFs*> ProcFs::ours() {
  static std::mutex mutex;
  static std::optional<ProcFs> kept;
  std::lock_guard lock(mutex);
  if (!kept) kept.emplace(TRY(make()));
  return &*kept;
}

Result<ProcFs> ProcFs::make() {
  Result<UniqueFd> mount = new_filesystem({.type = "proc", .source = "proc"});
  if (!mount && mount.error().code() == Code::kPermissionDenied) mount = checked_host_proc();
  return ProcFs(TRY(std::move(mount)));
}

Result<UniqueFd> ProcFs::open_at(const std::string& path, int flags) const {
  return open_proc(root_.get(), path, flags);
}

Result<UniqueFd> ProcFs::open_link(const std::string& path, int flags) const {
  UniqueFd link = TRY(open_proc(root_.get(), path, O_PATH | O_NOFOLLOW));
  struct stat st{};
  if (::fstat(link.get(), &st) != 0) return Error::from_errno(errno, cat("stat /proc/", path));
  if (!S_ISLNK(st.st_mode)) {
    return Error(Code::kFailedPrecondition, cat("/proc/", path, " is no link"));
  }
  UniqueFd fd(::openat(root_.get(), path.c_str(), flags | O_CLOEXEC));
  if (!fd) return Error::from_errno(errno, cat("open /proc/", path));
  return fd;
}

Result<std::string> ProcFs::read(const std::string& path) const {
  UniqueFd fd = TRY(open_at(path, O_RDONLY));
  FdSource source(fd.get());
  return TRY_CONTEXT(read_all(source, kReadLimit), cat("read /proc/", path));
}

Result<> ProcFs::write(const std::string& path, std::string_view text) const {
  if (text.empty()) return {};
  UniqueFd fd = TRY(open_at(path, O_WRONLY));
  if (::write(fd.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size())) return {};
  return Error::from_errno(errno, cat("write /proc/", path));
}

}  // namespace skiff::sys
