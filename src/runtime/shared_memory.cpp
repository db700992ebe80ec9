#include "runtime/shared_memory.h"

#include <fcntl.h>
#include <sys/mount.h>

#include <cerrno>

#include "base/strings.h"
#include "sys/mounts.h"

namespace skiff::runtime {

Result<> unmount_shared_memory(const Path& path) {
  if (::umount2(path.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW) == 0) return {};
  if (errno == EINVAL || errno == ENOENT) return {};
  return Error::from_errno(errno, cat("unmount ", path.native()));
}

Result<> mount_shared_memory(const SharedMemory& wanted) {
  TRY(make_directories(wanted.path, 0700));
  TRY(unmount_shared_memory(wanted.path));
  sys::FilesystemOptions options{
      .type = "tmpfs",
      .source = "shm",
      .options = {{"mode", "1777"},
                  {"size", cat(wanted.bytes)},
                  {"uid", cat(wanted.uid)},
                  {"gid", cat(wanted.gid)}},
      .attributes = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC};
  if (!wanted.label.empty()) options.options.emplace_back("context", wanted.label);
  const UniqueFd mount = TRY_CONTEXT(sys::new_filesystem(options), "mounting shm tmpfs");
  const UniqueFd place = TRY(open_file(wanted.path, O_PATH | O_DIRECTORY | O_NOFOLLOW));
  return sys::attach_mount(mount.get(), place.get());
}

}  // namespace skiff::runtime
