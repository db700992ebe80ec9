#include "engine/resource_rules.h"

#include <sys/sysinfo.h>

#include "base/strings.h"

namespace skiff::engine {

namespace {

constexpr int64_t kLeastMemory = int64_t{6} << 20;
constexpr int64_t kLeastNanoCpus = 10'000'000;  // the kernel's least quota, 1 ms of 100

}  // namespace

Result<> check_resources(Resources& r) {
  if (r.memory != 0 && r.memory < kLeastMemory) {
    return invalid_argument("Minimum memory limit allowed is 6MB");
  }
  if (r.memory_swap > 0 && r.memory == 0) {
    return invalid_argument(
        "You should always set the Memory limit when using Memoryswap limit, see usage");
  }
  if (r.memory_swap > 0 && r.memory_swap < r.memory) {
    return invalid_argument(
        "Minimum memoryswap limit should be larger than memory limit, see usage");
  }
  if (r.memory_swap < -1) {
    return invalid_argument(
        cat("invalid memory-swap limit ", r.memory_swap, ": only -1 is unlimited"));
  }
  if (r.memory > 0 && r.memory_swap == 0) r.memory_swap = 2 * r.memory;
  if (r.memory_reservation != 0 && r.memory_reservation < kLeastMemory) {
    return invalid_argument("Minimum memory reservation allowed is 6MB");
  }
  if (r.memory > 0 && r.memory_reservation > r.memory) {
    return invalid_argument(
        "Minimum memory limit can not be less than memory reservation limit, see usage");
  }
  if (r.nano_cpus != 0) {
    if (r.cpu_period != 0) {
      return invalid_argument("Conflicting options: Nano CPUs and CPU Period cannot both be set");
    }
    if (r.cpu_quota != 0) {
      return invalid_argument("Conflicting options: Nano CPUs and CPU Quota cannot both be set");
    }
    int64_t cpus = ::get_nprocs();
    if (r.nano_cpus < kLeastNanoCpus || r.nano_cpus > cpus * 1'000'000'000) {
      return invalid_argument(cat("range of CPUs is from 0.01 to ", cpus, ".00, as there are only ",
                                  cpus, " CPUs available"));
    }
  }
  if (r.cpu_shares < 0) {
    return invalid_argument(
        cat("invalid CPU shares (", r.cpu_shares, "): value must be a positive integer"));
  }
  if (r.cpu_period != 0 && (r.cpu_period < 1000 || r.cpu_period > 1'000'000)) {
    return invalid_argument(
        "CPU cfs period can not be less than 1ms (i.e. 1000) or larger than 1s (i.e. "
        "1000000)");
  }
  if (r.cpu_quota > 0 && r.cpu_quota < 1000) {
    return invalid_argument("CPU cfs quota can not be less than 1ms (i.e. 1000)");
  }
  return {};
}

}  // namespace skiff::engine
