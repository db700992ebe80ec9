#include "runtime/memory_kills.h"

#include <string>
#include <utility>

#include "base/strings.h"

namespace skiff::runtime {

Error MemoryKills::tell(Error error) const {
  const uint64_t now = cgroup_.oom_kills();
  if (now <= before_) return error;
  const uint64_t kills = now - before_;
  auto bytes = [&](const char* file) {
    const Result<std::string> text = cgroup_.read("memory", file);
    return text ? std::string(trim(*text)) : std::string("unknown");
  };
  const bool v2 = cgroup_.v2();
  return std::move(error).with_context(
      cat("the kernel killed ", kills, kills == 1 ? " process" : " processes",
          " of the container for want of memory: its limit (linux.resources.memory.limit) is ",
          bytes(v2 ? "memory.max" : "memory.limit_in_bytes"), " bytes, ",
          bytes(v2 ? "memory.current" : "memory.usage_in_bytes"), " are in use"));
}

}  // namespace skiff::runtime
