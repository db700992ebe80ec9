#include "runtime/root_mount.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>

namespace skiff::runtime {

namespace {

constexpr unsigned kReusedNumber = 0x1000;  // STATX_MNT_ID of Linux 5.8
constexpr unsigned kUniqueNumber = 0x4000;  // STATX_MNT_ID_UNIQUE of Linux 6.8; none is below 2^31

uint64_t number_of(int mount_fd, unsigned kind) {
  struct statx info{};
  bool known =
      ::statx(mount_fd, "", AT_EMPTY_PATH, kind, &info) == 0 && (info.stx_mask & kind) != 0;
  return known ? info.stx_mnt_id : 0;
}

}  // namespace

uint64_t mount_number(int mount_fd) {
  const uint64_t unique = number_of(mount_fd, kUniqueNumber);
  return unique != 0 ? unique : number_of(mount_fd, kReusedNumber);
}

void detach_root(const Path& root, uint64_t number) {
  if (number == 0) return;
  Result<UniqueFd> found = open_file(root, O_PATH | O_DIRECTORY);
  if (found && mount_number(found->get()) == number) {
    found->reset();
    ::umount2(root.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW);
  }
}

}  // namespace skiff::runtime
