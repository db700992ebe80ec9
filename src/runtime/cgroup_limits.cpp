#include "runtime/cgroup_limits.h"

#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "base/strings.h"
#include "runtime/cgroup_checks.h"
#include "runtime/cgroup_conversions.h"
#include "runtime/device_rules.h"
#include "runtime/diagnostics.h"

namespace skiff::runtime {

namespace {

std::string limit_text(int64_t limit, std::string_view none) {
  return limit < 0 ? std::string(none) : cat(limit);
}

constexpr const char* kBfqWeight = "io.bfq.weight";

class LimitsWriter {
 public:
  LimitsWriter(const sys::Cgroup& cgroup, const json::Value& resources, bool undoable)
      : cgroup_(cgroup), resources_(resources), undoable_(undoable) {}

  Result<> apply() {
    TRY(check_limits(resources_, v2()));
    if (const json::Value* memory = resources_.find("memory")) TRY(apply_memory(*memory));
    if (const json::Value* cpu = resources_.find("cpu")) TRY(apply_cpu(*cpu));
    if (const json::Value* pids = resources_.find("pids")) TRY(apply_pids(*pids));
    if (const json::Value* io = resources_.find("blockIO")) TRY(apply_block_io(*io));
    for (const json::Value& entry : resources_.array("hugepageLimits")) {
      TRY(apply_hugepages(entry));
    }
    if (const json::Value* network = resources_.find("network")) TRY(apply_network(*network));
    for (const auto& [device, limits] : resources_.object("rdma")) {
      TRY(apply_rdma(device, limits));
    }
    for (const auto& [file, value] : resources_.object("unified")) {
      TRY(apply_unified(file, value.as_string()));
    }
    return apply_device_rules(cgroup_, resources_);
  }

  const LimitsBefore& before() const { return before_; }

 private:
  bool v2() const { return cgroup_.v2(); }

  // A file that holds one value.
  Result<> write(std::string_view controller, const std::string& file, std::string_view value) {
    Result<std::string> before = undoable_ ? cgroup_.read(controller, file) : std::string();
    TRY(write_entry(controller, file, value));
    if (undoable_ && before) before_.add(controller, file, std::move(*before));
    return {};
  }

  // A line of a file that holds many.
  Result<> write_entry(std::string_view controller, const std::string& file,
                       std::string_view value) {
    return cgroup_.write(controller, file, value).context(cat("linux.resources: ", file));
  }

  // 0 is a limit that is not set: what others write who always name every field.
  Result<> apply_memory(const json::Value& memory) {
    const int64_t limit = whole_number(memory, "limit").value_or(0);
    const int64_t swap = whole_number(memory, "swap").value_or(0);
    const int64_t reservation = whole_number(memory, "reservation").value_or(0);
    if (memory.boolean("checkBeforeUpdate")) {
      TRY(check_usage("memory+swap", swap));
      TRY(check_usage("memory", limit));
    }
    if (v2()) {
      TRY(set_memory_v2(limit, swap));
      if (reservation == 0) return {};
      return write("memory", "memory.low", limit_text(reservation, "max"));
    }
    TRY(set_memory_v1(limit, swap));
    if (reservation != 0) TRY(write("memory", "memory.soft_limit_in_bytes", cat(reservation)));
    if (int64_t tcp = whole_number(memory, "kernelTCP").value_or(0)) {
      TRY(write("memory", "memory.kmem.tcp.limit_in_bytes", cat(tcp)));
    }
    const int64_t swappiness = whole_number(memory, "swappiness").value_or(-1);
    if (swappiness >= 0) TRY(write("memory", "memory.swappiness", cat(swappiness)));
    if (memory.boolean("disableOOMKiller")) TRY(disable_oom_killer());
    return {};
  }

  // Reads as several lines.
  Result<> disable_oom_killer() { return write_entry("memory", "memory.oom_control", "1"); }

  // A limit below what is used would kill.
  Result<> check_usage(std::string_view what, int64_t limit) {
    if (limit <= 0) return {};
    const char* file = v2() ? "memory.current" : "memory.usage_in_bytes";
    std::string present = TRY(cgroup_.read("memory", file));
    std::optional<int64_t> usage = parse_int(trim(present));
    if (!usage || *usage <= limit) return {};
    return Error(Code::kFailedPrecondition,
                 cat("rejecting ", what, " limit ", limit, " below what is used, ", *usage));
  }

  // The kernel holds memory <= memory + swap at every moment, so that what grows is written
  // from the top down and what shrinks from the bottom up.
  Result<> set_memory_v1(int64_t limit, int64_t swap) {
    constexpr const char* kLimit = "memory.limit_in_bytes";
    constexpr const char* kSwap = "memory.memsw.limit_in_bytes";
    // As runc: memory without a limit has swap without one.
    if (limit < 0 && swap == 0) swap = -1;
    if (swap != 0) {
      const Result<std::string> present = cgroup_.read("memory", kSwap);
      if (!present && swap > 0) warn("the kernel does not account swap: no limit");
      if (!present) swap = 0;
      const std::optional<uint64_t> now = present ? parse_uint(trim(*present)) : std::nullopt;
      if (limit != 0 && (swap < 0 || (now && static_cast<uint64_t>(swap) > *now))) {
        TRY(write("memory", kSwap, cat(swap)));
        swap = 0;
      }
    }
    if (limit != 0) TRY(write("memory", kLimit, cat(limit)));
    return swap != 0 ? write("memory", kSwap, cat(swap)) : Result<>{};
  }

  Result<> set_memory_v2(int64_t limit, int64_t swap) {
    std::optional<int64_t> alone = TRY_CONTEXT(swap_alone(limit, swap), "linux.resources.memory");
    if (alone) TRY(set_swap_v2(limit_text(*alone, "max")));
    return limit != 0 ? write("memory", "memory.max", limit_text(limit, "max")) : Result<>{};
  }

  Result<> set_swap_v2(const std::string& text) {
    constexpr const char* kSwap = "memory.swap.max";
    if (cgroup_.read("memory", kSwap)) return write("memory", kSwap, text);
    if (text != "max") warn("the kernel does not account swap: no limit");
    return {};
  }

  Result<> apply_cpu(const json::Value& cpu) {
    if (std::string cpus = cpu.string("cpus"); !cpus.empty()) {
      TRY(write("cpuset", "cpuset.cpus", cpus));
    }
    if (std::string mems = cpu.string("mems"); !mems.empty()) {
      TRY(write("cpuset", "cpuset.mems", mems));
    }
    if (auto idle = whole_number(cpu, "idle")) TRY(write("cpu", "cpu.idle", cat(*idle)));
    return v2() ? set_cpu_v2(cpu) : set_cpu_v1(cpu);
  }

  Result<> set_cpu_v1(const json::Value& cpu) {
    if (int64_t shares = whole_number(cpu, "shares").value_or(0)) {
      TRY(write("cpu", "cpu.shares", cat(shares)));
    }
    TRY(set_share_of_period("cpu.rt_period_us", whole_number(cpu, "realtimePeriod").value_or(0),
                            "cpu.rt_runtime_us", whole_number(cpu, "realtimeRuntime").value_or(0)));
    return with_burst("cpu.cfs_burst_us", whole_number(cpu, "burst"), [&] {
      return set_share_of_period("cpu.cfs_period_us", whole_number(cpu, "period").value_or(0),
                                 "cpu.cfs_quota_us", whole_number(cpu, "quota").value_or(0));
    });
  }

  // 0: stays as it is. The kernel holds the group's part of the time <= that of the group above at
  // every moment, so that with the old share the new period may be refused.
  Result<> set_share_of_period(const char* period_file, int64_t period, const char* share_file,
                               int64_t share) {
    Result<> set = period != 0 ? write("cpu", period_file, cat(period)) : Result<>{};
    if (!set && share == 0) return set;
    if (share != 0) TRY(write("cpu", share_file, cat(share)));
    return set ? set : write("cpu", period_file, cat(period));
  }

  // The kernel holds burst <= quota at every moment: what falls is written before the quota, what
  // rises after it.
  template <typename SetQuota>
  Result<> with_burst(const char* file, std::optional<int64_t> burst, SetQuota set_quota) {
    bool falls = burst && write("cpu", file, cat(*burst)).has_value();
    TRY(set_quota());
    return burst && !falls ? write("cpu", file, cat(*burst)) : Result<>{};
  }

  Result<> set_cpu_v2(const json::Value& cpu) {
    auto shares = whole_number(cpu, "shares");
    if (shares && *shares != 0) TRY(write("cpu", "cpu.weight", cat(cpu_weight(*shares))));
    auto period = whole_number(cpu, "period").value_or(0);
    auto quota = whole_number(cpu, "quota").value_or(0);
    return with_burst("cpu.max.burst", whole_number(cpu, "burst"), [&]() -> Result<> {
      if (period == 0 && quota == 0) return {};
      std::string text = quota > 0 ? cat(quota) : "max";
      if (period != 0) text += cat(" ", period);
      return write("cpu", "cpu.max", text);
    });
  }

  Result<> apply_pids(const json::Value& pids) {
    auto limit = whole_number(pids, "limit");
    if (!limit || *limit == 0) return {};
    return write("pids", "pids.max", limit_text(*limit, "max"));
  }

  Result<> apply_block_io(const json::Value& io) {
    std::string_view controller = v2() ? "io" : "blkio";
    auto weight = whole_number(io, "weight");
    if (weight && *weight != 0) TRY(set_io_weight(*weight));
    if (int64_t leaf = whole_number(io, "leafWeight").value_or(0)) {
      TRY(write("blkio", "blkio.leaf_weight", cat(leaf)));
    }
    TRY(set_device_weights(io.array("weightDevice")));
    constexpr std::tuple<const char*, const char*, const char*> kThrottles[] = {
        {"throttleReadBpsDevice", "blkio.throttle.read_bps_device", "rbps"},
        {"throttleWriteBpsDevice", "blkio.throttle.write_bps_device", "wbps"},
        {"throttleReadIOPSDevice", "blkio.throttle.read_iops_device", "riops"},
        {"throttleWriteIOPSDevice", "blkio.throttle.write_iops_device", "wiops"}};
    for (const auto& [key, v1_file, v2_name] : kThrottles) {
      for (const json::Value& entry : io.array(key)) {
        int64_t rate = whole_number(entry, "rate").value_or(0);
        TRY(v2() ? write_entry(controller, "io.max",
                               cat(device(entry), " ", v2_name, "=", limit_text(rate, "max")))
                 : write_entry(controller, v1_file, cat(device(entry), " ", rate)));
      }
    }
    return {};
  }

  Result<> set_io_weight(int64_t weight) {
    if (!v2()) {
      Result<> plain = write("blkio", "blkio.weight", cat(weight));
      return plain ? Result<>{} : write("blkio", "blkio.bfq.weight", cat(weight));
    }
    if (has_bfq()) return write("io", kBfqWeight, cat(weight));
    return write("io", "io.weight", cat("default ", io_weight(weight)));
  }

  Result<> set_device_weights(const json::Array& entries) {
    if (v2() && !has_bfq() && !entries.empty()) {
      warn("linux.resources.blockIO.weightDevice: the kernel has no BFQ scheduler: no weights");
      return {};
    }
    for (const json::Value& entry : entries) {
      if (entry.integer("weight") == 0) continue;
      TRY(write_entry(v2() ? "io" : "blkio", v2() ? kBfqWeight : device_weight_file(),
                      cat(device(entry), " ", entry.integer("weight"))));
    }
    return {};
  }

  bool has_bfq() const { return cgroup_.read("io", kBfqWeight).has_value(); }

  // The first went with the CFQ scheduler.
  std::string device_weight_file() const {
    constexpr const char* kOld = "blkio.weight_device";
    return cgroup_.read("blkio", kOld) ? kOld : "blkio.bfq.weight_device";
  }

  static std::string device(const json::Value& entry) {
    return cat(entry.integer("major"), ":", entry.integer("minor"));
  }

  Result<> apply_hugepages(const json::Value& entry) {
    const int64_t limit = whole_number(entry, "limit").value_or(0);
    const std::string base = cat("hugetlb.", entry.string("pageSize"));
    const std::string text = v2() ? limit_text(limit, "max") : cat(limit);
    TRY(write("hugetlb", base + (v2() ? ".max" : ".limit_in_bytes"), text));
    // The reservation's limit came later.
    [[maybe_unused]] auto reserved =
        write("hugetlb", base + (v2() ? ".rsvd.max" : ".rsvd.limit_in_bytes"), text);
    return {};
  }

  Result<> apply_network(const json::Value& network) {
    if (int64_t id = whole_number(network, "classID").value_or(0)) {
      TRY(write("net_cls", "net_cls.classid", cat(id)));
    }
    for (const json::Value& entry : network.array("priorities")) {
      TRY(write_entry("net_prio", "net_prio.ifpriomap",
                      cat(entry.string("name"), " ", entry.integer("priority"))));
    }
    return {};
  }

  Result<> apply_rdma(const std::string& device_name, const json::Value& limits) {
    std::string text = device_name;
    if (auto handles = whole_number(limits, "hcaHandles")) text += cat(" hca_handle=", *handles);
    if (auto objects = whole_number(limits, "hcaObjects")) text += cat(" hca_object=", *objects);
    return write_entry("rdma", "rdma.max", text);
  }

  Result<> apply_unified(const std::string& file, const std::string& value) {
    // A line is a limit to the kernel, so that each is written by itself.
    for (const std::string& line : split(trim(value), '\n')) TRY(write_unified(file, line));
    return {};
  }

  Result<> write_unified(const std::string& file, const std::string& value) {
    Result<> written = cgroup_.write("", file, value);
    if (written) return {};
    std::string controller = file.substr(0, file.find('.'));
    if (written.error().code() == Code::kNotFound && controller != "cgroup" &&
        !cgroup_.has(controller)) {
      return Error(Code::kUnavailable,
                   cat("unified resource ", quoted(file), " can't be set: controller ",
                       quoted(controller), " not available"));
    }
    return std::move(written).context(cat("unable to set unified resource ", quoted(file)));
  }

  const sys::Cgroup& cgroup_;
  const json::Value& resources_;
  const bool undoable_;
  LimitsBefore before_;
};

}  // namespace

Result<> apply_resources(const sys::Cgroup& cgroup, const json::Value& resources) {
  return resources.is_null() ? Result<>{} : LimitsWriter(cgroup, resources, false).apply();
}

void LimitsBefore::add(std::string_view controller, std::string file, std::string value) {
  limits_.push_back({std::string(controller), std::move(file), std::move(value)});
}

void LimitsBefore::restore(const sys::Cgroup& cgroup) const {
  for (auto at = limits_.rbegin(); at != limits_.rend(); ++at) {
    [[maybe_unused]] auto written = cgroup.write(at->controller, at->file, at->value);
  }
}

Result<LimitsBefore> change_resources(const sys::Cgroup& cgroup, const json::Value& resources) {
  LimitsWriter limits(cgroup, resources, true);
  Result<> applied = limits.apply();
  if (applied) return limits.before();
  limits.before().restore(cgroup);
  return std::move(applied.error());
}

}  // namespace skiff::runtime
