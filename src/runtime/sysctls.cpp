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

// "/" between two dots is a dot of a name of its own, such as an interface's: none may lead away.
bool is_path(std::string_view name) {
  const std::vector<std::string> parts = split(name, '.');
  return std::none_of(parts.begin(), parts.end(), [](const std::string& part) {
    return part.empty() || part == "/" || part == "//";
  });
}

// From dots to slashes and back.
std::string turned(std::string name) {
  for (char& c : name) {
    if (c == '.' || c == '/') c = c == '.' ? '/' : '.';
  }
  return name;
}

}  // namespace

std::string with_dots(const std::string& name) {
  const size_t first = name.find_first_of("./");
  return first != std::string::npos && name[first] == '/' ? turned(name) : name;
}

Result<> check_sysctl(const std::string& name, const std::function<bool(uint64_t)>& is_separate) {
  if (name == "kernel.hostname") {
    return Error(Code::kInvalidArgument,
                 cat("sysctl ", quoted(name),
                     " is not allowed as it conflicts with the OCI \"hostname\" field"));
  }
  if (!is_path(name)) {
    return Error(Code::kInvalidArgument, cat("sysctl ", quoted(name), " is no parameter's name"));
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
    TRY_CONTEXT(proc->write(cat("sys/", turned(name)), value), cat("sysctl ", name));
  }
  return {};
}

}  // namespace skiff::runtime
