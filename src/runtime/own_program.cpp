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

bool is_on_readonly_mount() {
  struct statvfs info{};
  return ::statvfs(kOwnProgram, &info) == 0 && (info.f_flag & ST_RDONLY) != 0;
}

Result<UniqueFd> mount_readonly(const char* program) {
  UniqueFd mount = TRY(sys::clone_mount(AT_FDCWD, program, false));
  TRY(sys::change_mount(mount.get(), {.set = MOUNT_ATTR_RDONLY, .propagation = MS_PRIVATE}));
  return mount;
}

// Empty where we may mount nothing: without privileges over the host there is nothing of the host's
// to overwrite.
Result<UniqueFd> readonly_mount(const char* program) {
  Result<UniqueFd> mount = mount_readonly(program);
  if (!mount && mount.error().code() == Code::kPermissionDenied) return UniqueFd();
  return mount;
}

}  // namespace

Result<> run_from_readonly_mount(const char* name, std::span<char* const> arguments) {
  if (is_on_readonly_mount()) return {};
  const UniqueFd mount = TRY(readonly_mount(kOwnProgram));
  if (!mount) return {};
  std::vector<char*> args{const_cast<char*>(name)};
  args.insert(args.end(), arguments.begin(), arguments.end());
  args.push_back(nullptr);
  ::fexecve(mount.get(), args.data(), environ);
  return Error::from_errno(errno, "execute our own program from a read-only mount");
}

Result<ShieldedProgram> ShieldedProgram::open(const Path& program) {
  const std::string what = cat("shield ", program.native());
  UniqueFd file = TRY_CONTEXT(readonly_mount(program.c_str()), what);
  if (!file) file = TRY_CONTEXT(open_file(program, O_PATH), what);
  return ShieldedProgram(std::move(file));
}

Path ShieldedProgram::path() const { return cat("/proc/", ::getpid(), "/fd/", file_.get()); }

}  // namespace skiff::runtime
