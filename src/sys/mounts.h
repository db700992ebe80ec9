// Mounts through the kernel's descriptor-based interface: a mount is made detached, gets its
// attributes, and is put in place last, onto a descriptor, never onto a path that somebody
// could have swapped meanwhile.
//
//   UniqueFd shm = TRY(new_filesystem({.type = "tmpfs", .options = {{"size", "64m"}},
//                                      .attributes = MOUNT_ATTR_NOSUID}));
//   UniqueFd target = TRY(root.open_at("/dev/shm", O_PATH));
//   TRY(attach_mount(shm.get(), target.get()));
//
// Errors carry the kernel's own explanation where the filesystem gives one. Thread-safe.
#pragma once

#include <sys/mount.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/file.h"
#include "base/result.h"
#include "base/unique_fd.h"

namespace skiff::sys {

struct FilesystemOptions {
  std::string type;                                          // "tmpfs"
  std::string source;                                        // what mount tables show
  std::vector<std::pair<std::string, std::string>> options;  // {"ro", ""} is a flag
  std::vector<std::string> flags_if_known;  // left out where the kernel has none such
  uint64_t attributes = 0;                  // MOUNT_ATTR_*
};

// A path as a filesystem's option: the kernel refuses strings of 256 bytes there, so a long one is
// named by a descriptor, opened with `flags`, which `open` keeps until the mount is made.
Result<std::string> option_path(const Path& path, int flags, std::vector<UniqueFd>& open);

// A new detached mount of a new (or shared, as sysfs) filesystem.
Result<UniqueFd> new_filesystem(const FilesystemOptions& wanted);

// A detached copy of what is mounted at `path` below `dirfd` ("" is `dirfd` itself): a bind
// mount still to be put in place.
Result<UniqueFd> clone_mount(int dirfd, const std::string& path, bool recursive);

struct MountChange {
  uint64_t set = 0;          // MOUNT_ATTR_*
  uint64_t clear = 0;        // MOUNT_ATTR_*; MOUNT_ATTR__ATIME where `set` changes atime
  uint64_t propagation = 0;  // MS_PRIVATE, MS_SHARED, MS_SLAVE, MS_UNBINDABLE or 0
  bool recursive = false;
};
Result<> change_mount(int mount_fd, const MountChange& change);
// Owners of a detached mount's files are seen as the user namespace maps them.
Result<> map_mount_ids(int mount_fd, int user_namespace, bool recursive);

// Puts the detached mount onto the file or directory open as `target_fd`.
Result<> attach_mount(int mount_fd, int target_fd);

// Detaches every mount below `directory`, the last made first: of a process that was killed.
void unmount_below(const Path& directory);
// The same for each proc and sysfs that is not below `except`.
void unmount_kernel_views(const Path& except);

// One mount option in /etc/fstab's words: what it changes, or not a mount attribute at all.
struct MountOption {
  MountChange change;
  bool bind = false;
  bool recursive_bind = false;
  bool id_mapped = false;           // "idmap"
  bool recursively_mapped = false;  // "ridmap"
  bool known = false;
  std::string superblock;  // the filesystem option it means beside, "ro" or "sync"
};
MountOption parse_mount_option(std::string_view option);
// All that parse_mount_option() knows, in order.
std::vector<std::string> mount_option_words();

// A mount in the file tree that is taken off again at the end of the scope.
class MountPoint {
 public:
  explicit MountPoint(Path where) : where_(std::move(where)) {}
  MountPoint(MountPoint&& other) noexcept : where_(std::exchange(other.where_, {})) {}
  MountPoint& operator=(MountPoint&& other) noexcept {
    std::swap(where_, other.where_);
    return *this;
  }
  MountPoint(const MountPoint&) = delete;
  MountPoint& operator=(const MountPoint&) = delete;
  ~MountPoint();
  const Path& path() const { return where_; }
  void release() { where_.clear(); }

 private:
  Path where_;
};

}  // namespace skiff::sys
