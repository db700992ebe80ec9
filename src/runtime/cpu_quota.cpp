#include "runtime/cpu_quota.h"

#include <optional>
#include <utility>

#include "base/strings.h"

namespace skiff::runtime {

namespace {

constexpr int64_t kSecond = 1'000'000;
constexpr int64_t kUsualPeriod = 100'000;

struct Quota {
  int64_t quota = 0;  // negative: none; 0: unknown
  int64_t period = 0;
};

Quota present(const sys::Cgroup& cgroup) {
  auto number = [&](const char* file) -> int64_t {
    Result<std::string> text = cgroup.read("cpu", file);
    return text ? parse_int(trim(*text)).value_or(0) : 0;
  };
  if (!cgroup.v2()) return {number("cpu.cfs_quota_us"), number("cpu.cfs_period_us")};
  Result<std::string> text = cgroup.read("cpu", "cpu.max");  // "max 100000"
  auto parts = text ? split_once(trim(*text), ' ') : std::nullopt;
  if (!parts) return {};
  return {parse_int(parts->first).value_or(-1), parse_int(parts->second).value_or(0)};
}

}  // namespace

int64_t cpu_time_per_second(int64_t quota, int64_t period) {
  constexpr int64_t kPercent = kSecond / 100;
  int64_t share = quota * kSecond / (period > 0 ? period : kUsualPeriod);
  return (share + kPercent - 1) / kPercent * kPercent;
}

json::Value with_whole_percents(json::Value resources) {
  const json::Value* cpu = resources.find("cpu");
  if (cpu == nullptr || cpu->integer("quota") <= 0) return resources;
  const int64_t period = cpu->integer("period") > 0 ? cpu->integer("period") : kUsualPeriod;
  json::Value changed = *cpu;
  changed.set("quota", cpu_time_per_second(cpu->integer("quota"), period) * period / kSecond);
  resources.set("cpu", std::move(changed));
  return resources;
}

json::Value with_present_quota(const sys::Cgroup& cgroup, json::Value resources) {
  const json::Value* cpu = resources.find("cpu");
  if (cpu == nullptr || (cpu->integer("quota") == 0) == (cpu->integer("period") == 0)) {
    return resources;
  }
  const Quota now = present(cgroup);
  json::Value changed = *cpu;
  if (cpu->integer("quota") == 0) changed.set("quota", now.quota);
  if (cpu->integer("period") == 0) changed.set("period", now.period);
  resources.set("cpu", std::move(changed));
  return resources;
}

}  // namespace skiff::runtime
