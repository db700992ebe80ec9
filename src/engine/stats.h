// One sample of a container's resource use, from its cgroups (v1 or v2) and its network
// devices. The API makes the stream and Docker's JSON of it (engine-api.md 2.3).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"

namespace skiff::engine {

struct BlkioEntry {
  uint64_t major = 0;
  uint64_t minor = 0;
  std::string op;  // "read", "write"
  uint64_t value = 0;
};

struct NetworkCounters {
  uint64_t rx_bytes = 0;
  uint64_t rx_packets = 0;
  uint64_t rx_errors = 0;
  uint64_t rx_dropped = 0;
  uint64_t tx_bytes = 0;
  uint64_t tx_packets = 0;
  uint64_t tx_errors = 0;
  uint64_t tx_dropped = 0;
};

struct StatsSample {
  TimePoint read;
  bool running = false;  // all else is zero when not
  bool cgroup_v2 = false;

  uint64_t cpu_total_ns = 0;
  uint64_t cpu_kernel_ns = 0;
  uint64_t cpu_user_ns = 0;
  std::vector<uint64_t> cpu_per_cpu_ns;  // v1 only
  uint64_t system_cpu_ns = 0;            // the whole machine
  uint32_t online_cpus = 0;
  uint64_t throttling_periods = 0;
  uint64_t throttled_periods = 0;
  uint64_t throttled_ns = 0;

  uint64_t memory_usage = 0;
  std::optional<uint64_t> memory_max_usage;   // v1 only
  std::optional<uint64_t> memory_fail_count;  // v1 only
  uint64_t memory_limit = 0;                  // the machine's memory where unlimited
  std::map<std::string, uint64_t> memory_stats;

  uint64_t pids_current = 0;
  std::optional<uint64_t> pids_limit;

  std::vector<BlkioEntry> blkio_bytes;
  std::vector<BlkioEntry> blkio_operations;
  std::map<std::string, NetworkCounters> networks;  // "eth0"
};

}  // namespace skiff::engine
