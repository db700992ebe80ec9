// skiff-runtime update and events.
#include <poll.h>
#include <unistd.h>

#include <algorithm>

#include "base/duration.h"
#include "base/io.h"
#include "base/size.h"
#include "base/strings.h"
#include "runtime/cgroup_stats.h"
#include "runtime/command_line.h"
#include "runtime/config_types.h"
#include "runtime/container.h"
#include "runtime/diagnostics.h"
#include "runtime/resctrl_stats.h"

namespace skiff::runtime {

namespace {

constexpr int kLookEveryMs = 100;  // for kills, and the container's end

struct ResourceFlag {
  CommandFlag flag;
  const char* part;  // of linux.resources
  const char* key;
  enum class Kind { kNumber, kSize, kText } kind = Kind::kNumber;
};

const std::vector<ResourceFlag>& resource_flags() {
  using enum ResourceFlag::Kind;
  static const std::vector<ResourceFlag> flags = {
      {{"blkio-weight", "", "N", "block IO weight, 10 to 1000"}, "blockIO", "weight"},
      {{"cpu-period", "", "USEC", "CPU period"}, "cpu", "period"},
      {{"cpu-quota", "", "USEC", "CPU time in a period"}, "cpu", "quota"},
      {{"cpu-burst", "", "USEC", "CPU time that may be saved up"}, "cpu", "burst"},
      {{"cpu-share", "", "N", "CPU shares"}, "cpu", "shares"},
      {{"cpu-rt-period", "", "USEC", "realtime period"}, "cpu", "realtimePeriod"},
      {{"cpu-rt-runtime", "", "USEC", "realtime in a period"}, "cpu", "realtimeRuntime"},
      {{"cpu-idle", "", "N", "idle scheduling"}, "cpu", "idle"},
      {{"cpuset-cpus", "", "LIST", "CPUs"}, "cpu", "cpus", kText},
      {{"cpuset-mems", "", "LIST", "memory nodes"}, "cpu", "mems", kText},
      {{"memory", "", "BYTES", "memory limit"}, "memory", "limit", kSize},
      {{"memory-reservation", "", "BYTES", "soft memory limit"}, "memory", "reservation", kSize},
      {{"memory-swap", "", "BYTES", "memory and swap limit; -1: none"}, "memory", "swap", kSize},
      {{"pids-limit", "", "N", "processes"}, "pids", "limit"}};
  return flags;
}

// Kernels have them no more; callers of old do.
constexpr CommandFlag kKernelMemoryFlags[] = {{"kernel-memory", "", "BYTES", ""},
                                              {"kernel-memory-tcp", "", "BYTES", ""}};

Result<json::Value> value_of(const ResourceFlag& flag, const std::string& text) {
  const std::string context = cat("--", flag.flag.name);
  switch (flag.kind) {
    case ResourceFlag::Kind::kText:
      return json::Value(text);
    case ResourceFlag::Kind::kSize:
      if (text == "-1") return json::Value(-1);  // no limit
      return json::Value(TRY_CONTEXT(parse_size(text), context));
    case ResourceFlag::Kind::kNumber:
      break;
  }
  if (const std::optional<int64_t> number = parse_int(text)) return json::Value(*number);
  return Error(Code::kInvalidArgument, cat(context, ": ", quoted(text), " is not a whole number"));
}

Result<json::Value> resources_of(const CommandArguments& arguments) {
  std::string file = arguments.value("resources");
  if (file == "-") {
    FdSource in(STDIN_FILENO);
    return json::parse(TRY(read_all(in, size_t{1} << 20U)));
  }
  if (!file.empty()) return json::parse(TRY(read_file(file))).context(file);
  json::Value resources = json::object();
  for (const ResourceFlag& flag : resource_flags()) {
    if (!arguments.has(flag.flag.name)) continue;
    std::string text = arguments.value(flag.flag.name);
    if (text.empty()) continue;  // as runc: the same as not given
    json::Value value = TRY(value_of(flag, text));
    const json::Value* part = resources.find(flag.part);
    json::Value changed = part != nullptr ? *part : json::object();
    changed.set(flag.key, std::move(value));
    resources.set(flag.part, std::move(changed));
  }
  return resources;
}

Result<int> update(const CommandContext& context) {
  for (const CommandFlag& flag : kKernelMemoryFlags) {
    if (context.arguments.value(flag.name).empty()) continue;
    warn(cat("--", flag.name, ": kernel memory is a part of the memory that is limited: ignored"));
  }
  const json::Value asked = TRY(resources_of(context.arguments));
  const json::Value resources = TRY_CONTEXT(read_resources(asked), "update");
  Container container = TRY(Container::load(context.root, context.id()));
  TRY(container.update(resources, {.l3_cache = context.arguments.value("l3-cache-schema"),
                                   .memory_bandwidth = context.arguments.value("mem-bw-schema")}));
  return 0;
}

void print_event(const Container& container, const char* type, json::Value data) {
  json::Value event = json::object({{"type", type}, {"id", container.state().id}});
  if (!data.is_null()) event.set("data", std::move(data));
  print(event.dump());
}

// As runc, of whose networks none has statistics: a bundle names none.
json::Value stats_of(const Container& container) {
  json::Value stats = cgroup_stats(container.cgroup());
  stats.set("intel_rdt", resctrl_stats(container.config().intel_rdt, container.state().id));
  stats.set("network_interfaces", nullptr);
  return stats;
}

Result<int> parse_interval(const std::string& text) {
  constexpr int64_t kMillisecond = 1'000'000;
  constexpr int64_t kDay = 86'400'000 * kMillisecond;
  if (text.empty()) return 5000;
  const std::optional<int64_t> nanoseconds = parse_duration(text);
  if (!nanoseconds || *nanoseconds <= 0 || *nanoseconds > kDay) {
    return Error(Code::kInvalidArgument, cat("invalid interval ", quoted(text)));
  }
  return static_cast<int>(std::max(*nanoseconds / kMillisecond, int64_t{1}));
}

Result<int> events(const CommandContext& context) {
  int interval_ms = TRY(parse_interval(context.arguments.value("interval")));
  Container container = TRY(Container::load(context.root, context.id()));
  if (container.status() == ContainerStatus::kStopped) {
    return Error(Code::kFailedPrecondition,
                 cat("container with id ", container.state().id, " is not running"));
  }
  print_event(container, "stats", stats_of(container));
  if (context.arguments.has("stats")) return 0;
  uint64_t oom_kills = container.cgroup().oom_kills();
  for (int waited = 0; container.status() != ContainerStatus::kStopped; waited += kLookEveryMs) {
    if (waited >= interval_ms) {
      print_event(container, "stats", stats_of(container));
      waited = 0;
    }
    ::poll(nullptr, 0, std::min(kLookEveryMs, interval_ms));
    uint64_t now = container.cgroup().oom_kills();
    if (now > oom_kills) print_event(container, "oom", nullptr);
    oom_kills = now;
  }
  return 0;
}

}  // namespace

std::vector<Command> resource_commands() {
  std::vector<CommandFlag> flags{
      {"resources", "r", "FILE", "linux.resources as JSON; - is standard input"},
      {"l3-cache-schema", "", "SCHEMA", "cache that may be filled (resctrl)"},
      {"mem-bw-schema", "", "SCHEMA", "memory bandwidth (resctrl)"}};
  for (const ResourceFlag& flag : resource_flags()) flags.push_back(flag.flag);
  flags.insert(flags.end(), std::begin(kKernelMemoryFlags), std::end(kKernelMemoryFlags));
  return {{"update", "<container-id>", "change a container's limits", flags, 1, 1, false, update},
          {"events",
           "<container-id>",
           "print statistics and out-of-memory events",
           {{"stats", "", "", "print the statistics once"},
            {"interval", "", "TIME", "between two prints; 5s when not given"}},
           1,
           1,
           false,
           events}};
}

}  // namespace skiff::runtime
