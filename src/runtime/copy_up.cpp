#include "runtime/copy_up.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <memory>
#include <string_view>

#include "base/strings.h"
#include "base/unique_fd.h"

namespace skiff::runtime {

namespace {

constexpr size_t kStep = size_t{1} << 20U;

struct Entry {
  int from;  // the directory it is in
  int to;    // the one it comes into
  const char* name;
  struct stat st;
};

Error failed(const Entry& entry, std::string_view what) {
  return Error::from_errno(errno, cat(what, " ", entry.name));
}

Result<> copy_file(const Entry& entry) {
  UniqueFd in(::openat(entry.from, entry.name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK));
  if (!in) return failed(entry, "open");
  UniqueFd out(::openat(entry.to, entry.name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!out) return failed(entry, "create");
  ssize_t n = 0;
  while ((n = ::sendfile(out.get(), in.get(), nullptr, kStep)) > 0) continue;
  return n == 0 ? Result<>{} : failed(entry, "copy");
}

Result<> copy_link(const Entry& entry) {
  std::array<char, PATH_MAX> target{};
  ssize_t n = ::readlinkat(entry.from, entry.name, target.data(), target.size() - 1);
  if (n < 0 || ::symlinkat(target.data(), entry.to, entry.name) != 0) return failed(entry, "link");
  return {};
}

Result<> copy_directory(const Entry& entry) {
  UniqueFd in(::openat(entry.from, entry.name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!in) return failed(entry, "open");
  if (::mkdirat(entry.to, entry.name, 0700) != 0) return failed(entry, "mkdir");
  UniqueFd out(::openat(entry.to, entry.name, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!out) return failed(entry, "open");
  return copy_up(in.get(), out.get()).context(entry.name);
}

Result<> copy_node(const Entry& entry) {
  if (::mknodat(entry.to, entry.name, entry.st.st_mode, entry.st.st_rdev) == 0) return {};
  return failed(entry, "mknod");
}

Result<> copy_content(const Entry& entry) {
  switch (entry.st.st_mode & S_IFMT) {
    case S_IFREG:
      return copy_file(entry);
    case S_IFLNK:
      return copy_link(entry);
    case S_IFDIR:
      return copy_directory(entry);
    default:
      return copy_node(entry);
  }
}

Result<> copy_entry(Entry& entry) {
  if (::fstatat(entry.from, entry.name, &entry.st, AT_SYMLINK_NOFOLLOW) != 0) {
    return failed(entry, "stat");
  }
  if (S_ISSOCK(entry.st.st_mode)) return {};
  TRY(copy_content(entry));
  if (::fchownat(entry.to, entry.name, entry.st.st_uid, entry.st.st_gid, AT_SYMLINK_NOFOLLOW) !=
      0) {
    return failed(entry, "chown");
  }
  bool link = S_ISLNK(entry.st.st_mode);
  if (!link && ::fchmodat(entry.to, entry.name, entry.st.st_mode & 07777U, 0) != 0) {
    return failed(entry, "chmod");
  }
  const timespec times[] = {entry.st.st_atim, entry.st.st_mtim};
  ::utimensat(entry.to, entry.name, static_cast<const timespec*>(times), AT_SYMLINK_NOFOLLOW);
  return {};
}

}  // namespace

Result<> copy_up(int from, int to) {
  // A descriptor of its own: one opened O_PATH cannot be read.
  int readable = ::openat(from, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (readable < 0) return Error::from_errno(errno, "open a directory");
  std::unique_ptr<DIR, int (*)(DIR*)> directory(::fdopendir(readable), ::closedir);
  if (!directory) {
    ::close(readable);
    return Error::from_errno(errno, "read a directory");
  }
  while (const dirent* found = ::readdir(directory.get())) {
    std::string_view name(static_cast<const char*>(found->d_name));
    if (name == "." || name == "..") continue;
    Entry entry{from, to, static_cast<const char*>(found->d_name), {}};
    TRY(copy_entry(entry));
  }
  return {};
}

}  // namespace skiff::runtime
