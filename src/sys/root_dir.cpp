#include "sys/root_dir.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <vector>

#include "base/file.h"
#include "base/io.h"
#include "base/strings.h"

namespace skiff::sys {

namespace {

// Symlinks one lookup may pass through while missing directories are being made; the kernel's
// own limit is 40 for a lookup.
constexpr int kMaxLinks = 40;
// openat2 answers EAGAIN when a rename raced with a ".."; the race can be lost repeatedly, but
// not for ever by anybody who does not hold a core for it.
constexpr int kMaxRaces = 1000;

// openat2 below `root`; -1 with errno.
int open_resolved(int root, const char* path, const open_how& how) {
  for (int race = 0;; ++race) {
    const long fd = ::syscall(SYS_openat2, root, path, &how, sizeof how);
    if (fd >= 0) return static_cast<int>(fd);
    if ((errno != EAGAIN && errno != EINTR) || race == kMaxRaces) return -1;
  }
}

// "" and "/" are the root itself.
int open_in_root(int root, const std::string& path, int flags, mode_t mode) {
  open_how how{};
  how.flags = static_cast<uint64_t>(flags) | O_CLOEXEC;
  if ((flags & (O_CREAT | O_TMPFILE)) != 0) how.mode = mode;
  how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
  return open_resolved(root, path.empty() ? "." : path.c_str(), how);
}

std::vector<std::string> components_of(std::string_view path) {
  std::vector<std::string> parts = split(path, '/');
  std::erase_if(parts, [](const std::string& part) { return part.empty() || part == "."; });
  return parts;
}

// Makes `name` in `parent` with exactly `mode` and owner 0:0, whatever the umask and, but for
// NewGroup::kParents, a set-group-id parent say. False when the name is taken.
Result<bool> make_one(int parent, const std::string& name, mode_t mode, NewGroup group) {
  if (::mkdirat(parent, name.c_str(), mode) != 0) {
    if (errno == EEXIST) return false;
    return Error::from_errno(errno, cat("mkdir ", name));
  }
  UniqueFd made(::openat(parent, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!made) return Error::from_errno(errno, cat("open ", name));
  struct stat st{};
  if (::fstat(made.get(), &st) != 0) return Error::from_errno(errno, cat("stat ", name));
  const bool inherits = group == NewGroup::kParents && (st.st_mode & S_ISGID) != 0;
  const gid_t gid = inherits ? st.st_gid : 0;
  if (inherits) mode |= S_ISGID;
  if ((st.st_uid != 0 || st.st_gid != gid) && ::fchown(made.get(), 0, gid) != 0) {
    return Error::from_errno(errno, cat("chown ", name));
  }
  if ((st.st_mode & 07777) != mode && ::fchmod(made.get(), mode) != 0) {
    return Error::from_errno(errno, cat("chmod ", name));
  }
  return true;
}

// The directories of one make_directories call still to be walked, in reverse order.
class Walk {
 public:
  explicit Walk(std::string_view path) { push(path); }
  bool done() const { return rest_.empty(); }
  std::string next() {
    std::string part = std::move(rest_.back());
    rest_.pop_back();
    return part;
  }
  void push(std::string_view path) {
    std::vector<std::string> parts = components_of(path);
    rest_.insert(rest_.end(), parts.rbegin(), parts.rend());
  }

 private:
  std::vector<std::string> rest_;
};

// The path of the directory that holds `path`'s last component, as a path in the root.
std::string parent_path(const std::vector<std::string>& parts) {
  std::string parent = ".";
  for (size_t i = 0; i + 1 < parts.size(); ++i) parent.append("/").append(parts[i]);
  return parent;
}

Result<std::vector<std::string>> place_parts(const std::string& path) {
  std::vector<std::string> parts = components_of(path);
  if (parts.empty())
    return Error(Code::kInvalidArgument, cat(skiff::quoted(path), " is the root itself"));
  if (parts.back() == "..") {
    return Error(Code::kInvalidArgument, cat(skiff::quoted(path), " ends in \"..\""));
  }
  return parts;
}

}  // namespace

UniqueFd open_beneath(int root, const std::string& path, int flags) {
  open_how how{};
  how.flags = static_cast<uint64_t>(flags) | O_CLOEXEC;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
  return UniqueFd(open_resolved(root, path.c_str(), how));
}

Result<RootDir> RootDir::open(const Path& root) {
  return from_fd(TRY(open_file(root, O_PATH | O_DIRECTORY)));
}

Result<RootDir> RootDir::from_fd(UniqueFd fd) {
  struct stat st{};
  if (::fstat(fd.get(), &st) != 0) return Error::from_errno(errno, "stat root directory");
  if (!S_ISDIR(st.st_mode)) return Error::from_errno(ENOTDIR, "root directory");
  return RootDir(std::move(fd));
}

Result<UniqueFd> RootDir::open_at(const std::string& path, int flags, mode_t mode) const {
  UniqueFd fd(open_in_root(fd_.get(), path, flags, mode));
  if (!fd) return Error::from_errno(errno, cat("open ", path));
  return fd;
}

Result<Place> RootDir::place_of(const std::string& path) const {
  std::vector<std::string> parts = TRY(place_parts(path));
  UniqueFd parent = TRY(open_at(parent_path(parts), O_PATH | O_DIRECTORY));
  return Place{std::move(parent), std::move(parts.back())};
}

Result<Place> RootDir::make_place(const std::string& path, mode_t mode) const {
  std::vector<std::string> parts = TRY(place_parts(path));
  std::string parent = parent_path(parts);
  UniqueFd fd(open_in_root(fd_.get(), parent, O_PATH | O_DIRECTORY, 0));
  if (!fd && errno == ENOENT) fd = TRY(make_directories(parent, mode));
  if (!fd) return Error::from_errno(errno, cat("open ", parent));
  return Place{std::move(fd), std::move(parts.back())};
}

// Walks component by component. `reached` is always a path that the kernel resolves itself, so
// a component that somebody swaps meanwhile can redirect the walk, but never out of the root.
Result<UniqueFd> RootDir::make_directories(const std::string& path, mode_t mode,
                                           NewGroup group) const {
  std::string reached = ".";
  UniqueFd here = TRY(open_at(reached, O_RDONLY | O_DIRECTORY));
  Walk walk(path);
  int links = 0;
  while (!walk.done()) {
    std::string name = walk.next();
    std::string next = cat(reached, "/", name);
    UniqueFd fd(open_in_root(fd_.get(), next, O_RDONLY | O_DIRECTORY, 0));
    if (!fd && errno == ENOENT) {
      if (!TRY_CONTEXT(make_one(here.get(), name, mode, group), path)) {
        // Taken, yet not to be found: a symlink whose target has to be made.
        if (++links > kMaxLinks) return Error::from_errno(ELOOP, cat("mkdir ", path));
        std::string target = TRY_CONTEXT(read_link_at(here.get(), name), path);
        walk.push(target);
        if (target.starts_with('/')) {
          reached = ".";
          here = TRY(open_at(reached, O_RDONLY | O_DIRECTORY));
        }
        continue;
      }
      fd.reset(open_in_root(fd_.get(), next, O_RDONLY | O_DIRECTORY, 0));
    }
    if (!fd) return Error::from_errno(errno, cat("mkdir ", path));
    here = std::move(fd);
    reached = std::move(next);
  }
  return here;
}

Result<struct stat> RootDir::lstat(const std::string& path) const {
  UniqueFd fd = TRY(open_at(path, O_PATH | O_NOFOLLOW));
  struct stat st{};
  if (::fstat(fd.get(), &st) != 0) return Error::from_errno(errno, cat("stat ", path));
  return st;
}

Result<struct stat> RootDir::stat(const std::string& path) const {
  UniqueFd fd = TRY(open_at(path, O_PATH));
  struct stat st{};
  if (::fstat(fd.get(), &st) != 0) return Error::from_errno(errno, cat("stat ", path));
  return st;
}

Result<std::string> RootDir::read_file(const std::string& path, size_t limit) const {
  // Looked at before it is opened for reading: opening a device or a FIFO has effects.
  UniqueFd seen = TRY(open_at(path, O_PATH));
  struct stat st{};
  if (::fstat(seen.get(), &st) != 0) return Error::from_errno(errno, cat("stat ", path));
  if (!S_ISREG(st.st_mode)) {
    return Error(Code::kInvalidArgument, cat("read ", path, ": not a regular file"));
  }
  UniqueFd fd = TRY_CONTEXT(open_file(fd_path(seen.get()), O_RDONLY), path);
  FdSource source(fd.get());
  return read_all(source, limit).context(cat("read ", path));
}

std::string fd_path(int fd) { return cat("/proc/self/fd/", fd); }

}  // namespace skiff::sys
