#include "runtime/sysctls.h"

#include <algorithm>

#include "base/strings.h"
#include "sys/procfs.h"

namespace skiff::runtime {

Result<> set_sysctls(const std::map<std::string, std::string>& sysctls) {
  if (sysctls.empty()) return {};
  const sys::ProcFs* proc = TRY_CONTEXT(sys::ProcFs::ours(), "sysctl");
  for (const auto& [name, value] : sysctls) {
    std::string path = cat("sys/", name);
    std::replace(path.begin(), path.end(), '.', '/');
    TRY_CONTEXT(proc->write(path, value), cat("sysctl ", name));
  }
  return {};
}

}  // namespace skiff::runtime
