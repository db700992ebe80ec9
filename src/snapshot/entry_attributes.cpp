#include "snapshot/entry_attributes.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "snapshot/layer_name.h"

namespace skiff::snapshot {

Result<> set_directory_attributes(int directory, const DirectoryAttributes& attributes) {
  if (::fchown(directory, attributes.uid, attributes.gid) != 0) {
    return Error::from_errno(errno, "chown");
  }
  TRY(write_xattrs(directory, ".", attributes.xattrs));
  if (::fchmod(directory, attributes.mode & 07777) != 0) return Error::from_errno(errno, "chmod");
  timespec mtime = attributes.mtime.value_or(timespec{0, UTIME_OMIT});
  timespec times[2] = {mtime, mtime};
  if (::futimens(directory, times) != 0) return Error::from_errno(errno, "set times");
  return {};
}

// In this order: a change of owner takes away set-user-id bits and capabilities.
Result<> set_file_attributes(int fd, int parent, const std::string& name, const TarEntry& entry) {
  auto [uid, gid] = TRY(layer_owner(entry));
  if ((uid != 0 || gid != 0) && ::fchown(fd, uid, gid) != 0) {
    return Error::from_errno(errno, "chown");
  }
  TRY(write_xattrs(parent, name, entry.xattrs));
  if (::fchmod(fd, entry.mode & 07777) != 0) return Error::from_errno(errno, "chmod");
  timespec mtime = timespec_of(entry.mtime);
  timespec times[2] = {mtime, mtime};
  if (::futimens(fd, times) != 0) return Error::from_errno(errno, "set times");
  return {};
}

Result<> set_special_attributes(int parent, const std::string& name, const TarEntry& entry) {
  auto [uid, gid] = TRY(layer_owner(entry));
  if (::fchownat(parent, name.c_str(), uid, gid, AT_SYMLINK_NOFOLLOW) != 0) {
    return Error::from_errno(errno, "chown");
  }
  TRY(write_xattrs(parent, name, entry.xattrs));
  // mknod's mode went through the umask.
  if (entry.type != TarType::kSymlink &&
      ::fchmodat(parent, name.c_str(), entry.mode & 07777, 0) != 0) {
    return Error::from_errno(errno, "chmod");
  }
  timespec mtime = timespec_of(entry.mtime);
  timespec times[2] = {mtime, mtime};
  if (::utimensat(parent, name.c_str(), times, AT_SYMLINK_NOFOLLOW) != 0) {
    return Error::from_errno(errno, "set times");
  }
  return {};
}

}  // namespace skiff::snapshot
