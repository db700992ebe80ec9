#include "runtime/scheduling.h"

#include <linux/ioprio.h>
#include <sys/personality.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <cstdio>

#include "base/strings.h"

namespace skiff::runtime {

namespace {

constexpr int kProcess = 1;        // IOPRIO_WHO_PROCESS
constexpr size_t kAllCpus = 8192;  // NR_CPUS of the largest kernels
constexpr size_t kMaskWordBits = sizeof(unsigned long) * CHAR_BIT;

// The kernel's sched_attr: its header and the C library's exclude each other.
struct SchedulerAttributes {
  uint32_t size = sizeof(SchedulerAttributes);
  uint32_t policy = 0;
  uint64_t flags = 0;
  int32_t nice = 0;
  uint32_t priority = 0;
  uint64_t runtime = 0;
  uint64_t deadline = 0;
  uint64_t period = 0;
};
static_assert(sizeof(SchedulerAttributes) == 48);

Result<> set_scheduler(const OciScheduler& wanted) {
  const SchedulerAttributes attributes{.policy = wanted.policy,
                                       .flags = wanted.flags,
                                       .nice = wanted.nice,
                                       .priority = wanted.priority,
                                       .runtime = wanted.runtime,
                                       .deadline = wanted.deadline,
                                       .period = wanted.period};
  if (::syscall(SYS_sched_setattr, 0, &attributes, 0) != 0) {
    return Error::from_errno(errno, cat("process.scheduler ", wanted.policy_name, ", nice ",
                                        wanted.nice, ", priority ", wanted.priority));
  }
  return {};
}

Result<> set_io_priority(const OciIoPriority& wanted) {
  int value = IOPRIO_PRIO_VALUE(wanted.io_class, wanted.priority);
  if (::syscall(SYS_ioprio_set, kProcess, 0, value) != 0) {
    return Error::from_errno(
        errno, cat("process.ioPriority class ", wanted.io_class, ", priority ", wanted.priority));
  }
  return {};
}

}  // namespace

Result<> set_scheduling(const OciProcess& process, bool has_cpus) {
  if (process.scheduler) {
    Result<> set = set_scheduler(*process.scheduler);
    if (!set && set.error().sys_errno() == EPERM && has_cpus) {
      // sched_setattr(2): a deadline wants all processors. runc's words.
      return std::move(set).context("process scheduler can't be used together with AllowedCPUs");
    }
    TRY(std::move(set));
  }
  if (process.io_priority) TRY(set_io_priority(*process.io_priority));
  return {};
}

bool has_cpus(const OciConfig& config) {
  const json::Value* cpu = config.resources.find("cpu");
  return cpu != nullptr && !cpu->string("cpus").empty();
}

Result<> set_cpu_affinity(const IndexMask& cpus) {
  const IndexMask all(kAllCpus / kMaskWordBits, ~0UL);
  const IndexMask& mask = cpus.empty() ? all : cpus;
  if (::syscall(SYS_sched_setaffinity, 0, mask.size() * sizeof(unsigned long), mask.data()) != 0) {
    return Error::from_errno(errno, "set the CPU affinity");
  }
  return {};
}

std::string mask_text(const IndexMask& mask) {
  std::string digits;
  for (auto word = mask.rbegin(); word != mask.rend(); ++word) {
    std::array<char, 17> text{};
    ::snprintf(text.data(), text.size(), digits.empty() ? "%lx" : "%016lx", *word);
    if (!digits.empty() || *word != 0) digits += text.data();
  }
  return cat("0x", digits.empty() ? "0" : digits);
}

Result<> set_personality(const OciConfig& config) {
  if (!config.personality) return {};
  if (::personality(*config.personality) < 0) {
    return Error::from_errno(errno, cat("linux.personality ", *config.personality));
  }
  return {};
}

Result<> set_memory_policy(const OciConfig& config) {
  if (!config.memory_policy) return {};
  const OciMemoryPolicy& policy = *config.memory_policy;
  // The kernel counts one bit less than it is told.
  unsigned long bits = policy.nodes.empty() ? 0 : policy.nodes.size() * kMaskWordBits + 1;
  if (::syscall(SYS_set_mempolicy, policy.mode, policy.nodes.data(), bits) != 0) {
    return Error::from_errno(errno, cat("linux.memoryPolicy ", policy.mode_name));
  }
  return {};
}

}  // namespace skiff::runtime
