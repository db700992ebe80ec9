// How a process is to be scheduled and where its memory is to come from, as config.json says it:
// "process.scheduler", "process.ioPriority", "process.execCPUAffinity", "linux.memoryPolicy".
// Values are checked as far as the kernel's version does not decide.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "codec/json.h"

namespace skiff::runtime {

// A set of CPUs or memory nodes, as the kernel's bit masks have it.
using IndexMask = std::vector<unsigned long>;
// "0-3,7"; the error names `what`.
Result<IndexMask> parse_index_list(std::string_view text, std::string_view what);

struct OciScheduler {
  std::string policy_name;  // "SCHED_BATCH"
  uint32_t policy = 0;
  uint64_t flags = 0;  // SCHED_FLAG_*
  int nice = 0;
  uint32_t priority = 0;
  uint64_t runtime = 0;  // nanoseconds, as the next two
  uint64_t deadline = 0;
  uint64_t period = 0;
};

struct OciIoPriority {
  int io_class = 0;  // IOPRIO_CLASS_*
  int priority = 0;  // 0 (first) to 7
};

struct OciCpuAffinity {
  IndexMask initial;  // before the cgroup is entered; empty: as it is
  IndexMask final;    // in the cgroup; empty: what its cpuset permits
};

struct OciMemoryPolicy {
  std::string mode_name;  // "MPOL_BIND"
  int mode = 0;           // with the flags
  IndexMask nodes;
};

// Of the object that holds them; none where it does not.
Result<std::optional<OciScheduler>> parse_scheduler(const json::Value& process);
Result<std::optional<OciIoPriority>> parse_io_priority(const json::Value& process);
Result<std::optional<OciCpuAffinity>> parse_cpu_affinity(const json::Value& process);
Result<std::optional<OciMemoryPolicy>> parse_memory_policy(const json::Value& lx);

}  // namespace skiff::runtime
