#include "runtime/oci_scheduling.h"

#include <linux/ioprio.h>
#include <linux/mempolicy.h>
#include <linux/sched.h>

#include <climits>
#include <span>

#include "base/strings.h"
#include "runtime/oci_parts.h"

namespace skiff::runtime {

namespace {

constexpr uint64_t kMaxIndex = 8191;  // NR_CPUS of the largest kernels
constexpr size_t kWordBits = sizeof(unsigned long) * CHAR_BIT;
constexpr int kMinNice = -20;
constexpr int kMaxNice = 19;
constexpr int kMaxIoPriority = 7;
constexpr int kExtensible = 7;          // SCHED_EXT; Linux 6.12
constexpr int kWeightedInterleave = 6;  // MPOL_WEIGHTED_INTERLEAVE; Linux 6.9

struct Named {
  std::string_view name;
  int64_t value;
};
constexpr Named kPolicies[] = {
    {"SCHED_OTHER", SCHED_NORMAL},      {"SCHED_FIFO", SCHED_FIFO}, {"SCHED_RR", SCHED_RR},
    {"SCHED_BATCH", SCHED_BATCH},       {"SCHED_ISO", 4},           {"SCHED_IDLE", SCHED_IDLE},
    {"SCHED_DEADLINE", SCHED_DEADLINE}, {"SCHED_EXT", kExtensible}};
constexpr Named kSchedulerFlags[] = {{"SCHED_FLAG_RESET_ON_FORK", SCHED_FLAG_RESET_ON_FORK},
                                     {"SCHED_FLAG_RECLAIM", SCHED_FLAG_RECLAIM},
                                     {"SCHED_FLAG_DL_OVERRUN", SCHED_FLAG_DL_OVERRUN},
                                     {"SCHED_FLAG_KEEP_POLICY", SCHED_FLAG_KEEP_POLICY},
                                     {"SCHED_FLAG_KEEP_PARAMS", SCHED_FLAG_KEEP_PARAMS},
                                     {"SCHED_FLAG_UTIL_CLAMP_MIN", SCHED_FLAG_UTIL_CLAMP_MIN},
                                     {"SCHED_FLAG_UTIL_CLAMP_MAX", SCHED_FLAG_UTIL_CLAMP_MAX}};
constexpr Named kIoClasses[] = {{"IOPRIO_CLASS_RT", IOPRIO_CLASS_RT},
                                {"IOPRIO_CLASS_BE", IOPRIO_CLASS_BE},
                                {"IOPRIO_CLASS_IDLE", IOPRIO_CLASS_IDLE}};
constexpr Named kMemoryModes[] = {{"MPOL_DEFAULT", MPOL_DEFAULT},
                                  {"MPOL_PREFERRED", MPOL_PREFERRED},
                                  {"MPOL_BIND", MPOL_BIND},
                                  {"MPOL_INTERLEAVE", MPOL_INTERLEAVE},
                                  {"MPOL_LOCAL", MPOL_LOCAL},
                                  {"MPOL_PREFERRED_MANY", MPOL_PREFERRED_MANY},
                                  {"MPOL_WEIGHTED_INTERLEAVE", kWeightedInterleave}};
constexpr Named kMemoryFlags[] = {{"MPOL_F_STATIC_NODES", MPOL_F_STATIC_NODES},
                                  {"MPOL_F_RELATIVE_NODES", MPOL_F_RELATIVE_NODES},
                                  {"MPOL_F_NUMA_BALANCING", MPOL_F_NUMA_BALANCING}};

Result<int64_t> value_of(std::span<const Named> known, std::string_view name,
                         std::string_view where) {
  for (const Named& entry : known) {
    if (entry.name == name) return entry.value;
  }
  return invalid(cat(where, ": unknown value ", quoted(name)));
}

Result<int64_t> flags_of(std::span<const Named> known, const json::Value& object,
                         std::string_view where) {
  int64_t flags = 0;
  for (const std::string& name : object.strings("flags")) {
    flags |= TRY(value_of(known, name, where));
  }
  return flags;
}

// "3" or "0-3".
std::optional<std::pair<uint64_t, uint64_t>> parse_range(std::string_view text) {
  auto pair = split_once(text, '-');
  std::optional<uint64_t> first = parse_uint(trim(pair ? pair->first : text));
  std::optional<uint64_t> last = pair ? parse_uint(trim(pair->second)) : first;
  if (!first || !last || *first > *last || *last > kMaxIndex) return std::nullopt;
  return std::pair(*first, *last);
}

Result<> check_scheduler(const OciScheduler& s) {
  bool realtime = s.policy == SCHED_FIFO || s.policy == SCHED_RR;
  if (s.priority != 0 && !realtime) {
    return invalid(
        "process.scheduler.priority can only be specified for SCHED_FIFO or SCHED_RR policy");
  }
  if (s.policy != SCHED_DEADLINE && (s.runtime != 0 || s.deadline != 0 || s.period != 0)) {
    return invalid(
        "process.scheduler: runtime, deadline and period can only be specified for "
        "SCHED_DEADLINE policy");
  }
  return {};
}

Result<IndexMask> optional_list(const json::Value& object, const char* key,
                                std::string_view where) {
  std::string text = object.string(key);
  if (text.empty()) return IndexMask();
  return parse_index_list(text, cat(where, key));
}

}  // namespace

Result<IndexMask> parse_index_list(std::string_view text, std::string_view what) {
  IndexMask mask;
  for (const std::string& part : split(text, ',')) {
    auto range = parse_range(part);
    if (!range) return invalid(cat(what, ": ", quoted(text), " is no list of numbers"));
    mask.resize(std::max<size_t>(mask.size(), range->second / kWordBits + 1));
    for (uint64_t index = range->first; index <= range->second; ++index) {
      mask[index / kWordBits] |= 1UL << (index % kWordBits);
    }
  }
  return mask;
}

Result<std::optional<OciScheduler>> parse_scheduler(const json::Value& process) {
  const json::Value* object = process.find("scheduler");
  if (object == nullptr || object->is_null()) return std::optional<OciScheduler>();
  OciScheduler s;
  s.policy_name = TRY_CONTEXT(object->require_string("policy"), "process.scheduler");
  s.policy =
      static_cast<uint32_t>(TRY(value_of(kPolicies, s.policy_name, "process.scheduler.policy")));
  s.flags =
      static_cast<uint64_t>(TRY(flags_of(kSchedulerFlags, *object, "process.scheduler.flags")));
  s.nice = TRY_CONTEXT(int_of(*object, "nice", kMinNice, kMaxNice), "process.scheduler");
  s.priority = static_cast<uint32_t>(
      TRY_CONTEXT(int_of(*object, "priority", 0, INT_MAX), "process.scheduler"));
  s.runtime = static_cast<uint64_t>(object->integer("runtime"));
  s.deadline = static_cast<uint64_t>(object->integer("deadline"));
  s.period = static_cast<uint64_t>(object->integer("period"));
  TRY(check_scheduler(s));
  return std::optional(s);
}

Result<std::optional<OciIoPriority>> parse_io_priority(const json::Value& process) {
  const json::Value* object = process.find("ioPriority");
  if (object == nullptr || object->is_null()) return std::optional<OciIoPriority>();
  OciIoPriority io;
  io.io_class = static_cast<int>(
      TRY(value_of(kIoClasses, object->string("class"), "process.ioPriority.class")));
  io.priority = TRY_CONTEXT(int_of(*object, "priority", 0, kMaxIoPriority), "process.ioPriority");
  return std::optional(io);
}

Result<std::optional<OciCpuAffinity>> parse_cpu_affinity(const json::Value& process) {
  const json::Value* object = process.find("execCPUAffinity");
  if (object == nullptr || object->is_null()) return std::optional<OciCpuAffinity>();
  OciCpuAffinity affinity;
  affinity.initial = TRY(optional_list(*object, "initial", "process.execCPUAffinity."));
  affinity.final = TRY(optional_list(*object, "final", "process.execCPUAffinity."));
  return std::optional(std::move(affinity));
}

Result<std::optional<OciMemoryPolicy>> parse_memory_policy(const json::Value& lx) {
  const json::Value* object = lx.find("memoryPolicy");
  if (object == nullptr || object->is_null()) return std::optional<OciMemoryPolicy>();
  OciMemoryPolicy policy;
  policy.mode_name = TRY_CONTEXT(object->require_string("mode"), "linux.memoryPolicy");
  int64_t mode = TRY(value_of(kMemoryModes, policy.mode_name, "linux.memoryPolicy.mode"));
  mode |= TRY(flags_of(kMemoryFlags, *object, "linux.memoryPolicy.flags"));
  policy.mode = static_cast<int>(mode);
  policy.nodes = TRY(optional_list(*object, "nodes", "linux.memoryPolicy."));
  return std::optional(std::move(policy));
}

}  // namespace skiff::runtime
