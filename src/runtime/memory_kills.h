// Why a process of the runtime's own died before its container's program began: its cgroup's limit.
#pragma once

#include "base/result.h"
#include "sys/cgroup.h"

namespace skiff::runtime {

// From before the process is made: kills of earlier ones do not count.
class MemoryKills {
 public:
  explicit MemoryKills(const sys::Cgroup& cgroup) : cgroup_(cgroup), before_(cgroup.oom_kills()) {}

  // `error`, and where the kernel has killed processes of the cgroup for want of memory since that,
  // with the limit and what is used.
  Error tell(Error error) const;

 private:
  const sys::Cgroup& cgroup_;
  const uint64_t before_;
};

}  // namespace skiff::runtime
