#include "runtime/own_program.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <vector>

#include "base/strings.h"
#include "sys/mounts.h"

namespace skiff::runtime {

namespace {

constexpr const char* kOwnProgram = "/proc/self/exe";

bool is_on_readonly_mount() {
  struct statvfs info{};
  return ::statvfs(kOwnProgram, &info) == 0 && (info.f_flag & ST_RDONLY) != 0;
}

Result<UniqueFd> readonly_mount(const char* program) {
  UniqueFd mount = TRY(sys::clone_mount(AT_FDCWD, program, false));
  TRY(sys::change_mount(mount.get(), {.set = MOUNT_ATTR_RDONLY, .propagation = MS_PRIVATE}));
  return mount;
}

}  // namespace

Result<> run_from_readonly_mount(const char* name, std::span<char* const> arguments) {
  if (is_on_readonly_mount()) return {};
  Result<UniqueFd> mount = readonly_mount(kOwnProgram);
  if (!mount && mount.error().code() == Code::kPermissionDenied) {
    // Without privileges over the host there is nothing of the host's to overwrite.
    return {};
  }
  if (!mount) return mount.error();
  std::vector<char*> args{const_cast<char*>(name)};
  args.insert(args.end(), arguments.begin(), arguments.end());
  args.push_back(nullptr);
  ::fexecve(mount->get(), args.data(), environ);
  return Error::from_errno(errno, "execute our own program from a read-only mount");
}

Result<ShieldedProgram> ShieldedProgram::open(const Path& program) {
  return ShieldedProgram(
      TRY_CONTEXT(readonly_mount(program.c_str()), cat("shield ", program.native())));
}

Path ShieldedProgram::path() const { return cat("/proc/", ::getpid(), "/fd/", file_.get()); }

}  // namespace skiff::runtime
