#include "runtime/cgroup_stats.h"

#include <cstdlib>
#include <vector>

#include "base/strings.h"

namespace skiff::runtime {

namespace {

constexpr uint64_t kNanosPerMicro = 1000;

class StatsReader {
 public:
  explicit StatsReader(const sys::Cgroup& cgroup) : cgroup_(cgroup) {}

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

// "avg10=0.00 avg60=0.00 avg300=0.00 total=0" after each of "some" and "full": how long processes
// waited. Nothing where the kernel does not count it.
void add_pressure(const StatsReader& read, std::string_view controller, json::Value& to) {
  json::Value pressure = json::object();
  for (const std::string& line : split(read.text(controller, cat(controller, ".pressure")), '\n')) {
    std::vector<std::string> words = split(line, ' ');
    json::Value kind = json::object();
    for (size_t i = 1; i < words.size(); ++i) {
      auto pair = split_once(words[i], '=');
      if (!pair) continue;
      if (const std::optional<uint64_t> whole = parse_uint(pair->second)) {
        kind.set(pair->first, *whole);
      } else {
        kind.set(pair->first, std::strtod(std::string(pair->second).c_str(), nullptr));
      }
    }
    if (words.size() > 1) pressure.set(words[0], std::move(kind));
  }
  if (!pressure.as_object().empty()) to.set("psi", std::move(pressure));
}

json::Value memory_entry(uint64_t usage, uint64_t max, uint64_t limit, uint64_t failures) {
  return json::object({{"usage", usage}, {"max", max}, {"limit", limit}, {"failcnt", failures}});
}

json::Value memory_v1(const StatsReader& read) {
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

json::Value memory_v2(const StatsReader& read) {
  auto entry = [&](const std::string& prefix) {
    return memory_entry(read.number("memory", prefix + ".current"),
                        read.number("memory", prefix + ".peak"),
                        read.number("memory", prefix + ".max"), 0);
  };
  json::Value raw = read.keyed("memory", "memory.stat");
  json::Value memory = json::object({{"usage", entry("memory")},
                                     {"swap", entry("memory.swap")},
                                     {"cache", raw.integer("file")},
                                     {"raw", raw}});
  add_pressure(read, "memory", memory);
  return memory;
}

// A number a processor.
json::Array each_cpu(const StatsReader& read, const char* file) {
  json::Array each;
  for (const std::string& word : split(trim(read.text("cpuacct", file)), ' ')) {
    if (std::optional<uint64_t> nanos = parse_uint(word)) each.emplace_back(*nanos);
  }
  return each;
}

json::Value cpu_v1(const StatsReader& read) {
  json::Value stat = read.keyed("cpu", "cpu.stat");
  return json::object(
      {{"usage", json::object({{"total", read.number("cpuacct", "cpuacct.usage")},
                               {"percpu", each_cpu(read, "cpuacct.usage_percpu")},
                               {"percpu_kernel", each_cpu(read, "cpuacct.usage_percpu_sys")},
                               {"percpu_user", each_cpu(read, "cpuacct.usage_percpu_user")},
                               {"kernel", read.number("cpuacct", "cpuacct.usage_sys")},
                               {"user", read.number("cpuacct", "cpuacct.usage_user")}})},
       {"throttling", json::object({{"periods", stat.integer("nr_periods")},
                                    {"throttledPeriods", stat.integer("nr_throttled")},
                                    {"throttledTime", stat.integer("throttled_time")}})}});
}

json::Value cpu_v2(const StatsReader& read) {
  json::Value stat = read.keyed("cpu", "cpu.stat");
  auto nanos = [&](const char* key) {
    return static_cast<uint64_t>(stat.integer(key)) * kNanosPerMicro;
  };
  json::Value cpu =
      json::object({{"usage", json::object({{"total", nanos("usage_usec")},
                                            {"kernel", nanos("system_usec")},
                                            {"user", nanos("user_usec")}})},
                    {"throttling", json::object({{"periods", stat.integer("nr_periods")},
                                                 {"throttledPeriods", stat.integer("nr_throttled")},
                                                 {"throttledTime", nanos("throttled_usec")}})}});
  add_pressure(read, "cpu", cpu);
  return cpu;
}

// "0-1,4" as its numbers.
json::Array numbers_of(std::string_view list) {
  json::Array numbers;
  for (const std::string& part : split(trim(list), ',')) {
    const auto pair = split_once(part, '-');
    const std::optional<uint64_t> first = parse_uint(pair ? pair->first : part);
    const std::optional<uint64_t> last = pair ? parse_uint(pair->second) : first;
    if (!first || !last) continue;
    for (uint64_t number = *first; number <= *last; ++number) numbers.emplace_back(number);
  }
  return numbers;
}

json::Value cpuset(const sys::Cgroup& cgroup, const StatsReader& read) {
  const char* end = cgroup.v2() ? ".effective" : "";
  json::Value set =
      json::object({{"cpus", numbers_of(read.text("cpuset", cat("cpuset.cpus", end)))},
                    {"mems", numbers_of(read.text("cpuset", cat("cpuset.mems", end)))}});
  if (cgroup.v2()) return set;
  for (const char* flag : {"cpu_exclusive", "mem_hardwall", "mem_exclusive", "memory_migrate",
                           "memory_spread_page", "memory_spread_slab", "memory_pressure",
                           "sched_load_balance", "sched_relax_domain_level"}) {
    const std::string text = read.text("cpuset", cat("cpuset.", flag));
    set.set(flag, parse_int(trim(text)).value_or(0));
  }
  return set;
}

// One entry of runc's blkio lists.
json::Value io_entry(std::string_view device, std::string_view operation, uint64_t value) {
  auto numbers = split_once(device, ':');
  uint64_t major = numbers ? parse_uint(numbers->first).value_or(0) : 0;
  uint64_t minor = numbers ? parse_uint(numbers->second).value_or(0) : 0;
  return json::object({{"major", major}, {"minor", minor}, {"op", operation}, {"value", value}});
}

// "8:0 Read 4096" lines.
json::Array io_list_v1(const StatsReader& read, const std::string& file) {
  json::Array list;
  for (const std::string& line : split(read.text("blkio", file), '\n')) {
    std::vector<std::string> words = split(line, ' ');
    std::optional<uint64_t> value = words.size() == 3 ? parse_uint(words[2]) : std::nullopt;
    if (value) list.push_back(io_entry(words[0], words[1], *value));
  }
  return list;
}

json::Value io_v1(const StatsReader& read) {
  return json::object(
      {{"ioServiceBytesRecursive", io_list_v1(read, "blkio.throttle.io_service_bytes_recursive")},
       {"ioServicedRecursive", io_list_v1(read, "blkio.throttle.io_serviced_recursive")}});
}

// "8:0 rbytes=4096 wbytes=0 rios=1 ..." lines.
json::Value io_v2(const StatsReader& read) {
  constexpr std::pair<std::string_view, const char*> kBytes[] = {{"rbytes", "Read"},
                                                                 {"wbytes", "Write"}};
  constexpr std::pair<std::string_view, const char*> kCalls[] = {{"rios", "Read"},
                                                                 {"wios", "Write"}};
  json::Array bytes;
  json::Array calls;
  for (const std::string& line : split(read.text("io", "io.stat"), '\n')) {
    std::vector<std::string> words = split(line, ' ');
    for (size_t i = 1; i < words.size(); ++i) {
      auto pair = split_once(words[i], '=');
      uint64_t value = pair ? parse_uint(pair->second).value_or(0) : 0;
      for (const auto& [name, operation] : kBytes) {
        if (pair && pair->first == name) bytes.push_back(io_entry(words[0], operation, value));
      }
      for (const auto& [name, operation] : kCalls) {
        if (pair && pair->first == name) calls.push_back(io_entry(words[0], operation, value));
      }
    }
  }
  json::Value io = json::object(
      {{"ioServiceBytesRecursive", std::move(bytes)}, {"ioServicedRecursive", std::move(calls)}});
  add_pressure(read, "io", io);
  return io;
}

// By page size: "hugetlb.2MB.current" and the like.
json::Value hugetlb(const sys::Cgroup& cgroup, const StatsReader& read) {
  json::Value sizes = json::object();
  const std::string_view suffix = cgroup.v2() ? ".current" : ".usage_in_bytes";
  Result<Path> directory = cgroup.directory("hugetlb");
  if (!directory) return sizes;
  std::error_code ec;
  for (const auto& entry : std::filesystem::directory_iterator(*directory, ec)) {
    std::string name = entry.path().filename().native();
    if (!name.starts_with("hugetlb.") || !name.ends_with(suffix)) continue;
    std::string base = name.substr(0, name.size() - suffix.size());
    if (base.ends_with(".rsvd")) continue;
    sizes.set(base.substr(base.find('.') + 1),
              json::object({{"usage", read.number("hugetlb", name)},
                            {"max", read.number("hugetlb", base + ".max_usage_in_bytes")},
                            {"failcnt", read.number("hugetlb", base + ".failcnt")}}));
  }
  return sizes;
}

}  // namespace

json::Value cgroup_stats(const sys::Cgroup& cgroup) {
  StatsReader read(cgroup);
  return json::object({{"cpu", cgroup.v2() ? cpu_v2(read) : cpu_v1(read)},
                       {"cpuset", cpuset(cgroup, read)},
                       {"memory", cgroup.v2() ? memory_v2(read) : memory_v1(read)},
                       {"pids", json::object({{"current", read.number("pids", "pids.current")},
                                              {"limit", read.number("pids", "pids.max")}})},
                       {"blkio", cgroup.v2() ? io_v2(read) : io_v1(read)},
                       {"hugetlb", hugetlb(cgroup, read)}});
}

}  // namespace skiff::runtime
