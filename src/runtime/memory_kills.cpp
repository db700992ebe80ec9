#include "runtime/memory_kills.h"

#include <string>
#include <utility>

#include "base/strings.h"

namespace skiff::runtime {

Error with_memory_kills(Error error, const sys::Cgroup& cgroup) {
  const uint64_t kills = cgroup.oom_kills();
  if (kills == 0) return error;
  auto bytes = [&](const char* file) {
    const Result<std::string> text = cgroup.read("memory", file);
    return text ? std::string(trim(*text)) : std::string("unknown");
  };
  const bool v2 = cgroup.v2();
  return {
      error.code(),
      cat(error.message(), ": the kernel killed ", kills, kills == 1 ? " process" : " processes",
          " of the container for want of memory: its limit (linux.resources.memory.limit) is ",
          bytes(v2 ? "memory.max" : "memory.limit_in_bytes"), " bytes, ",
          bytes(v2 ? "memory.current" : "memory.usage_in_bytes"), " are in use")};
}

}  // namespace skiff::runtime
