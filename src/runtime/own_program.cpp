#include "runtime/own_program.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <vector>

#include "sys/mounts.h"

namespace skiff::runtime {

namespace {

constexpr const char* kOwnProgram = "/proc/self/exe";

bool is_on_readonly_mount() {
  struct statvfs info{};
  return ::statvfs(kOwnProgram, &info) == 0 && (info.f_flag & ST_RDONLY) != 0;
}

}  // namespace

Result<> run_from_readonly_mount(const char* name, std::span<char* const> arguments) {
  if (is_on_readonly_mount()) return {};
  Result<UniqueFd> mount = sys::clone_mount(AT_FDCWD, kOwnProgram, false);
  if (!mount && mount.error().code() == Code::kPermissionDenied) {
    // Without privileges over the host there is nothing of the host's to overwrite.
    return {};
  }
  if (!mount) return mount.error();
  TRY(sys::change_mount(mount->get(), {.set = MOUNT_ATTR_RDONLY, .propagation = MS_PRIVATE}));
  std::vector<char*> args{const_cast<char*>(name)};
  args.insert(args.end(), arguments.begin(), arguments.end());
  args.push_back(nullptr);
  ::fexecve(mount->get(), args.data(), environ);
  return Error::from_errno(errno, "execute our own program from a read-only mount");
}

}  // namespace skiff::runtime
