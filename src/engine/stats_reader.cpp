#include "engine/stats_reader.h"

#include <sys/sysinfo.h>
#include <unistd.h>

#include "base/strings.h"
#include "sys/cgroup.h"
#include "sys/namespaces.h"
#include "sys/procfs.h"

namespace skiff::engine {

namespace {

constexpr uint64_t kNanosPerSecond = 1'000'000'000;

uint64_t number(std::string_view text) { return parse_uint(trim(text)).value_or(0); }

uint64_t read_number(const sys::Cgroup& group, std::string_view controller, const char* file) {
  return number(group.read(controller, file).value_or(""));
}

std::vector<std::string> words(std::string_view line) {
  std::vector<std::string> out = split(line, ' ');
  std::erase(out, "");
  return out;
}

// "name value" lines.
std::map<std::string, uint64_t> read_table(const sys::Cgroup& group, std::string_view controller,
                                           const char* file) {
  std::map<std::string, uint64_t> out;
  for (const std::string& line : split(group.read(controller, file).value_or(""), '\n')) {
    if (auto pair = split_once(line, ' ')) out[std::string(pair->first)] = number(pair->second);
  }
  return out;
}

uint64_t ticks_to_nanos(uint64_t ticks) {
  return ticks * (kNanosPerSecond / static_cast<uint64_t>(::sysconf(_SC_CLK_TCK)));
}

uint64_t machine_memory() {
  struct sysinfo info{};
  return ::sysinfo(&info) == 0 ? uint64_t{info.totalram} * info.mem_unit : 0;
}

std::string read_proc(const std::string& path) {
  Result<const sys::ProcFs*> proc = sys::ProcFs::ours();
  return proc ? (*proc)->read(path).value_or("") : "";
}

// The first line of /proc/stat, without the guest times, which are part of user and nice.
uint64_t system_cpu_ns() {
  std::string stat = read_proc("stat");
  std::vector<std::string> fields = words(stat.substr(0, stat.find('\n')));
  constexpr size_t kFields = 8;
  uint64_t ticks = 0;
  for (size_t i = 1; i < fields.size() && i <= kFields; ++i) ticks += number(fields[i]);
  return ticks_to_nanos(ticks);
}

std::pair<uint64_t, uint64_t> device_number(std::string_view text) {
  auto pair = split_once(text, ':');
  if (!pair) return {0, 0};
  return {number(pair->first), number(pair->second)};
}

void read_cpu_v1(const sys::Cgroup& group, StatsSample& s) {
  s.cpu_total_ns = read_number(group, "cpuacct", "cpuacct.usage");
  auto times = read_table(group, "cpuacct", "cpuacct.stat");
  s.cpu_user_ns = ticks_to_nanos(times["user"]);
  s.cpu_kernel_ns = ticks_to_nanos(times["system"]);
  for (const std::string& word :
       words(trim(group.read("cpuacct", "cpuacct.usage_percpu").value_or("")))) {
    s.cpu_per_cpu_ns.push_back(number(word));
  }
  auto throttling = read_table(group, "cpu", "cpu.stat");
  s.throttling_periods = throttling["nr_periods"];
  s.throttled_periods = throttling["nr_throttled"];
  s.throttled_ns = throttling["throttled_time"];
}

void read_memory_v1(const sys::Cgroup& group, StatsSample& s) {
  s.memory_usage = read_number(group, "memory", "memory.usage_in_bytes");
  s.memory_max_usage = read_number(group, "memory", "memory.max_usage_in_bytes");
  s.memory_fail_count = read_number(group, "memory", "memory.failcnt");
  s.memory_limit = read_number(group, "memory", "memory.limit_in_bytes");
  s.memory_stats = read_table(group, "memory", "memory.stat");
}

// "8:0 Read 4096" lines; the last one is a total.
std::vector<BlkioEntry> read_blkio_v1(const sys::Cgroup& group, const char* file) {
  std::vector<BlkioEntry> out;
  for (const std::string& line : split(group.read("blkio", file).value_or(""), '\n')) {
    std::vector<std::string> fields = words(line);
    if (fields.size() != 3) continue;
    auto [major, minor] = device_number(fields[0]);
    out.push_back({major, minor, to_lower(fields[1]), number(fields[2])});
  }
  return out;
}

void read_cpu_v2(const sys::Cgroup& group, StatsSample& s) {
  constexpr uint64_t kMicro = 1000;
  auto cpu = read_table(group, "cpu", "cpu.stat");
  s.cpu_total_ns = cpu["usage_usec"] * kMicro;
  s.cpu_user_ns = cpu["user_usec"] * kMicro;
  s.cpu_kernel_ns = cpu["system_usec"] * kMicro;
  s.throttling_periods = cpu["nr_periods"];
  s.throttled_periods = cpu["nr_throttled"];
  s.throttled_ns = cpu["throttled_usec"] * kMicro;
}

void read_memory_v2(const sys::Cgroup& group, StatsSample& s) {
  s.memory_usage = read_number(group, "memory", "memory.current");
  s.memory_limit = read_number(group, "memory", "memory.max");  // "max" reads as 0
  s.memory_stats = read_table(group, "memory", "memory.stat");
}

// "8:0 rbytes=1 wbytes=2 rios=3 wios=4" lines.
void read_io_v2(const sys::Cgroup& group, StatsSample& s) {
  for (const std::string& line : split(group.read("io", "io.stat").value_or(""), '\n')) {
    std::vector<std::string> fields = words(line);
    if (fields.empty()) continue;
    auto [major, minor] = device_number(fields[0]);
    for (const std::string& field : fields) {
      auto pair = split_once(field, '=');
      if (!pair) continue;
      uint64_t value = number(pair->second);
      if (pair->first == "rbytes") s.blkio_bytes.push_back({major, minor, "read", value});
      if (pair->first == "wbytes") s.blkio_bytes.push_back({major, minor, "write", value});
      if (pair->first == "rios") s.blkio_operations.push_back({major, minor, "read", value});
      if (pair->first == "wios") s.blkio_operations.push_back({major, minor, "write", value});
    }
  }
}

void read_pids(const sys::Cgroup& group, StatsSample& s) {
  s.pids_current = read_number(group, "pids", "pids.current");
  s.pids_limit = parse_uint(trim(group.read("pids", "pids.max").value_or("")));
}

// The devices of the process's network namespace: "  eth0: 1 2 3 ..." below two header lines.
std::map<std::string, NetworkCounters> read_networks(int pid) {
  std::map<std::string, NetworkCounters> out;
  for (const std::string& line : split(read_proc(cat(pid, "/net/dev")), '\n')) {
    auto pair = split_once(line, ':');
    if (!pair) continue;
    std::string name(trim(pair->first));
    std::vector<std::string> f = words(pair->second);
    if (name == "lo" || f.size() < 12) continue;
    out[name] = {.rx_bytes = number(f[0]),
                 .rx_packets = number(f[1]),
                 .rx_errors = number(f[2]),
                 .rx_dropped = number(f[3]),
                 .tx_bytes = number(f[8]),
                 .tx_packets = number(f[9]),
                 .tx_errors = number(f[10]),
                 .tx_dropped = number(f[11])};
  }
  return out;
}

}  // namespace

Result<StatsSample> read_stats(Core& core, const Container& container) {
  StatsSample s;
  s.read = core.clock.now();
  ContainerInfo info = container.info();
  if (container.monitor() == nullptr) return s;
  auto group = sys::Cgroup::open(core.cgroup_of(info));
  const bool ended_just_now = group && group->members().empty() && core.options.has_cgroups;
  if (!group || ended_just_now) return s;
  s.running = true;
  s.cgroup_v2 = group->v2();
  s.system_cpu_ns = system_cpu_ns();
  s.online_cpus = static_cast<uint32_t>(::get_nprocs());
  if (s.cgroup_v2) {
    read_cpu_v2(*group, s);
    read_memory_v2(*group, s);
    read_io_v2(*group, s);
  } else {
    read_cpu_v1(*group, s);
    read_memory_v1(*group, s);
    s.blkio_bytes = read_blkio_v1(*group, "blkio.throttle.io_service_bytes_recursive");
    s.blkio_operations = read_blkio_v1(*group, "blkio.throttle.io_serviced_recursive");
  }
  uint64_t machine = machine_memory();
  if (s.memory_limit == 0 || s.memory_limit > machine) s.memory_limit = machine;
  read_pids(*group, s);
  if (!core.options.has_cgroups) {
    const auto processes = sys::processes_beside(info.state.pid);
    if (processes) s.pids_current = processes->size();
  }
  s.networks = read_networks(info.state.pid);
  return s;
}

}  // namespace skiff::engine
