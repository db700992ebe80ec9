#include "runtime/sysctls.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/strings.h"
#include "base/unique_fd.h"
#include "sys/mounts.h"

namespace skiff::runtime {

namespace {

Result<> write_parameter(int proc, const std::string& name, const std::string& value) {
  std::string path = cat("sys/", name);
  std::replace(path.begin(), path.end(), '.', '/');
  open_how how{};
  how.flags = O_WRONLY | O_CLOEXEC;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV;
  UniqueFd fd(static_cast<int>(::syscall(SYS_openat2, proc, path.c_str(), &how, sizeof how)));
  if (!fd) return Error::from_errno(errno, cat("open sysctl ", name));
  if (::write(fd.get(), value.data(), value.size()) != static_cast<ssize_t>(value.size())) {
    return Error::from_errno(errno, cat("write sysctl ", name));
  }
  return {};
}

}  // namespace

Result<> set_sysctls(const std::map<std::string, std::string>& sysctls) {
  if (sysctls.empty()) return {};
  UniqueFd proc = TRY_CONTEXT(sys::new_filesystem({.type = "proc", .source = "proc"}), "sysctl");
  for (const auto& [name, value] : sysctls) TRY(write_parameter(proc.get(), name, value));
  return {};
}

}  // namespace skiff::runtime
