#include "runtime/cgroup_stats.h"

#include <vector>

#include "base/strings.h"

namespace skiff::runtime {

namespace {

constexpr uint64_t kNanosPerMicro = 1000;

class Reader {
 public:
  explicit Reader(const sys::Cgroup& cgroup) : cgroup_(cgroup) {}

  std::string text(std::string_view controller, const std::string& file) const {
    return cgroup_.read(controller, file).value_or("");
  }
  // 0 for "max" and for what is not there.
  uint64_t number(std::string_view controller, const std::string& file) const {
    std::string content = text(controller, file);
    return parse_uint(trim(content)).value_or(0);
  }
  // A flat keyed file as an object.
  json::Value keyed(std::string_view controller, const std::string& file) const {
    json::Value values = json::object();
    for (const std::string& line : split(text(controller, file), '\n')) {
      auto pair = split_once(line, ' ');
      std::optional<uint64_t> value = pair ? parse_uint(trim(pair->second)) : std::nullopt;
      if (value) values.set(pair->first, *value);
    }
    return values;
  }

 private:
  const sys::Cgroup& cgroup_;
};

json::Value memory_entry(uint64_t usage, uint64_t max, uint64_t limit, uint64_t failures) {
  return json::object({{"usage", usage}, {"max", max}, {"limit", limit}, {"failcnt", failures}});
}

json::Value memory_v1(const Reader& read) {
  auto entry = [&](const std::string& prefix) {
    return memory_entry(read.number("memory", prefix + ".usage_in_bytes"),
                        read.number("memory", prefix + ".max_usage_in_bytes"),
                        read.number("memory", prefix + ".limit_in_bytes"),
                        read.number("memory", prefix + ".failcnt"));
  };
  json::Value raw = read.keyed("memory", "memory.stat");
  return json::object({{"usage", entry("memory")},
                       {"swap", entry("memory.memsw")},
                       {"kernel", entry("memory.kmem")},
                       {"kernelTCP", entry("memory.kmem.tcp")},
                       {"cache", raw.integer("cache")},
                       {"raw", raw}});
}

json::Value memory_v2(const Reader& read) {
  auto entry = [&](const std::string& prefix) {
    return memory_entry(read.number("memory", prefix + ".current"),
                        read.number("memory", prefix + ".peak"),
                        read.number("memory", prefix + ".max"), 0);
  };
  json::Value raw = read.keyed("memory", "memory.stat");
  return json::object({{"usage", entry("memory")},
                       {"swap", entry("memory.swap")},
                       {"cache", raw.integer("file")},
                       {"raw", raw}});
}

json::Value cpu_v1(const Reader& read) {
  json::Array each;
  for (const std::string& word : split(trim(read.text("cpuacct", "cpuacct.usage_percpu")), ' ')) {
    if (std::optional<uint64_t> nanos = parse_uint(word)) each.emplace_back(*nanos);
  }
  json::Value stat = read.keyed("cpu", "cpu.stat");
  return json::object(
      {{"usage", json::object({{"total", read.number("cpuacct", "cpuacct.usage")},
                               {"percpu", std::move(each)},
                               {"kernel", read.number("cpuacct", "cpuacct.usage_sys")},
                               {"user", read.number("cpuacct", "cpuacct.usage_user")}})},
       {"throttling", json::object({{"periods", stat.integer("nr_periods")},
                                    {"throttledPeriods", stat.integer("nr_throttled")},
                                    {"throttledTime", stat.integer("throttled_time")}})}});
}

json::Value cpu_v2(const Reader& read) {
  json::Value stat = read.keyed("cpu", "cpu.stat");
  auto nanos = [&](const char* key) {
    return static_cast<uint64_t>(stat.integer(key)) * kNanosPerMicro;
  };
  return json::object(
      {{"usage", json::object({{"total", nanos("usage_usec")},
                               {"kernel", nanos("system_usec")},
                               {"user", nanos("user_usec")}})},
       {"throttling", json::object({{"periods", stat.integer("nr_periods")},
                                    {"throttledPeriods", stat.integer("nr_throttled")},
                                    {"throttledTime", nanos("throttled_usec")}})}});
}

}  // namespace

json::Value cgroup_stats(const sys::Cgroup& cgroup) {
  Reader read(cgroup);
  return json::object({{"cpu", cgroup.v2() ? cpu_v2(read) : cpu_v1(read)},
                       {"memory", cgroup.v2() ? memory_v2(read) : memory_v1(read)},
                       {"pids", json::object({{"current", read.number("pids", "pids.current")},
                                              {"limit", read.number("pids", "pids.max")}})}});
}

}  // namespace skiff::runtime
