// RootDir: the one way to touch a path inside a tree we do not trust (a container's
// root, a layer being unpacked, a build context).
//
// Every lookup is openat2(2) with RESOLVE_IN_ROOT and RESOLVE_NO_MAGICLINKS from a pinned
// O_PATH descriptor of the root: "..", absolute symlinks and racing renames all stay inside.
// Paths are relative or absolute; both start at the root. Thread-safe.
#pragma once

#include <sys/stat.h>

#include <string>

#include "base/file.h"
#include "base/result.h"
#include "base/unique_fd.h"

namespace skiff::sys {

// Where an entry is or will be made: the open parent directory and the last component.
// To whom a directory that is made belongs.
enum class NewGroup {
  kRoot,     // 0:0, with just the mode asked for
  kParents,  // the group, and the set-group-id bit, of a parent that has that bit, as mkdir(2)
};

struct Place {
  UniqueFd parent;   // O_PATH
  std::string name;  // never empty, ".", ".." nor with a '/'
};

class RootDir {
 public:
  static Result<RootDir> open(const Path& root);
  static Result<RootDir> from_fd(UniqueFd fd);

  int fd() const { return fd_.get(); }

  // Follows symlinks, inside the root, also the last one (add O_NOFOLLOW to `flags` not to).
  Result<UniqueFd> open_at(const std::string& path, int flags, mode_t mode = 0) const;
  // Opens the parent of `path` (following symlinks inside the root); refuses the root itself.
  Result<Place> place_of(const std::string& path) const;
  // The same, creating missing parents, each with `mode` and owner 0:0.
  Result<Place> make_place(const std::string& path, mode_t mode = 0755) const;
  // mkdir -p inside the root; gives the directory opened (O_RDONLY).
  Result<UniqueFd> make_directories(const std::string& path, mode_t mode = 0755,
                                    NewGroup group = NewGroup::kRoot) const;
  // lstat of `path`.
  Result<struct stat> lstat(const std::string& path) const;
  Result<struct stat> stat(const std::string& path) const;
  // Small files only: /etc/passwd, /etc/group. Refuses anything but a regular file.
  Result<std::string> read_file(const std::string& path, size_t limit = size_t{1} << 20U) const;

 private:
  explicit RootDir(UniqueFd fd) : fd_(std::move(fd)) {}
  UniqueFd fd_;
};

// What is in the tree at `root` by that path; none, with errno EXDEV, where the path, or a symlink
// of it, leads out of the tree, and with another where there is nothing.
UniqueFd open_beneath(int root, const std::string& path, int flags);

// "/proc/self/fd/N": a path that names an open descriptor, for calls that take only paths.
std::string fd_path(int fd);

}  // namespace skiff::sys
