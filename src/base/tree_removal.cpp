#include "base/tree_removal.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "base/random.h"
#include "base/scope_exit.h"
#include "base/strings.h"

namespace skiff {

namespace {

// Whoever made the tree may have nested directories deeper than there are descriptors, or
// stack: what lies this deep is moved up to the top before it is removed.
constexpr int kDeepest = 100;

// The removal of one tree.
class TreeRemoval {
 public:
  explicit TreeRemoval(const CancelToken& cancel) : cancel_(cancel) {}
  Result<> entry(int parent, const char* name, int depth);

 private:
  Result<> directory(int parent, const char* name, int depth);
  Result<> contents(DIR* dir, int fd, const char* name, int depth);

  const CancelToken& cancel_;
  int top_ = -1;        // the tree's own directory
  bool moved_ = false;  // something was moved into it
};

Result<> TreeRemoval::entry(int parent, const char* name, int depth) {
  TRY(cancel_.check());
  if (::unlinkat(parent, name, 0) == 0 || errno == ENOENT) return {};
  if (errno != EISDIR && errno != EPERM) return Error::from_errno(errno, cat("unlink ", name));
  struct statx info{};
  if (::statx(parent, name, AT_SYMLINK_NOFOLLOW, STATX_TYPE, &info) != 0) {
    return Error::from_errno(errno, cat("stat ", name));
  }
  if ((info.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0) {
    return Error::from_errno(EBUSY, cat("remove mount point ", name));
  }
  if (depth < kDeepest) return directory(parent, name, depth);
  std::string moved = cat(".removed-", random_hex(16));
  if (::renameat(parent, name, top_, moved.c_str()) != 0) {
    return Error::from_errno(errno, cat("move ", name));
  }
  moved_ = true;
  return {};
}

Result<> TreeRemoval::directory(int parent, const char* name, int depth) {
  UniqueFd fd(::openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!fd) return Error::from_errno(errno, cat("open ", name));
  DIR* dir = ::fdopendir(fd.get());
  if (dir == nullptr) return Error::from_errno(errno, cat("list ", name));
  int dir_fd = fd.release();
  ScopeExit close_dir([&] { ::closedir(dir); });
  if (depth == 0) top_ = dir_fd;
  TRY(contents(dir, dir_fd, name, depth));
  while (depth == 0 && std::exchange(moved_, false)) {
    ::rewinddir(dir);
    TRY(contents(dir, dir_fd, name, depth));
  }
  if (::unlinkat(parent, name, AT_REMOVEDIR) == 0 || errno == ENOENT) return {};
  return Error::from_errno(errno, cat("rmdir ", name));
}

Result<> TreeRemoval::contents(DIR* dir, int fd, const char* name, int depth) {
  while (const dirent* entry = ::readdir(dir)) {
    std::string_view child = entry->d_name;
    if (child == "." || child == "..") continue;
    TRY_CONTEXT(this->entry(fd, entry->d_name, depth + 1), name);
  }
  return {};
}

}  // namespace

Result<> remove_tree(const Path& path, const CancelToken& cancel) {
  return TreeRemoval(cancel).entry(AT_FDCWD, path.c_str(), 0);
}

Result<> remove_tree(const Path& path) { return remove_tree(path, {}); }

}  // namespace skiff
