#include "runtime/sysctls.h"

#include <sched.h>

#include <algorithm>

#include "base/strings.h"
#include "sys/procfs.h"

namespace skiff::runtime {

namespace {

// The kind of namespace that holds a parameter; 0 for those of the machine.
uint64_t namespace_of_sysctl(std::string_view name) {
  if (name.starts_with("net.")) return CLONE_NEWNET;
  if (name.starts_with("fs.mqueue.") || name.starts_with("kernel.shm") ||
      name.starts_with("kernel.msg") || name == "kernel.sem") {
    return CLONE_NEWIPC;
  }
  if (name == "kernel.domainname") return CLONE_NEWUTS;
  return 0;
}

}  // namespace

Result<> check_sysctl(const std::string& name, const std::function<bool(uint64_t)>& is_separate) {
  if (name == "kernel.hostname") {
    return Error(Code::kInvalidArgument,
                 cat("sysctl ", quoted(name),
                     " is not allowed as it conflicts with the OCI \"hostname\" field"));
  }
  const uint64_t flag = namespace_of_sysctl(name);
  if (flag == 0) {
    return Error(Code::kInvalidArgument,
                 cat("sysctl ", quoted(name), " is not in a separate kernel namespace"));
  }
  if (!is_separate(flag)) {
    return Error(Code::kInvalidArgument,
                 cat("sysctl ", quoted(name), " is not allowed in the host's namespace"));
  }
  return {};
}

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
