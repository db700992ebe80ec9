// stop, kill, restart, rm, pause, unpause, wait, rename, update, port, top, diff.
#include <algorithm>

#include "base/strings.h"
#include "cli/create_request.h"
#include "cli/run_container.h"
#include "cli/table.h"

namespace skiff::cli {

namespace {

using enum FlagKind;

// POST to each of the containers; prints the names of those it was done to.
Outcome post_each(Session& session, const Flags& flags, const std::string& action) {
  return for_each_argument(flags, [&](const std::string& name) -> Result<std::string> {
    TRY(session.api.post(container_path(name, action)));
    return name;
  });
}

Result<std::string> stop_query(const Flags& flags) {
  net::Query query;
  if (flags.has("signal")) query.add("signal", flags.get("signal"));
  if (flags.has("timeout")) query.add("t", cat(TRY(flags.number("timeout"))));
  std::string text = query.str();
  return text.empty() ? text : cat("?", text);
}

Outcome stop(Session& session, Flags& flags) {
  return post_each(session, flags, cat("/stop", TRY(stop_query(flags))));
}

Outcome restart(Session& session, Flags& flags) {
  return post_each(session, flags, cat("/restart", TRY(stop_query(flags))));
}

Outcome kill(Session& session, Flags& flags) {
  std::string signal = flags.get("signal");
  return post_each(session, flags,
                   signal.empty() ? "/kill" : cat("/kill?signal=", net::url_encode(signal)));
}

Outcome pause(Session& session, Flags& flags) { return post_each(session, flags, "/pause"); }
Outcome unpause(Session& session, Flags& flags) { return post_each(session, flags, "/unpause"); }

Outcome rm(Session& session, Flags& flags) {
  net::Query query;
  if (flags.on("force")) query.add("force", "1");
  if (flags.on("link")) query.add("link", "1");
  if (flags.on("volumes")) query.add("v", "1");
  std::string text = query.str();
  std::string rest = text.empty() ? "" : cat("?", text);
  return for_each_argument(flags, [&](const std::string& name) -> Result<std::string> {
    auto removed = session.api.remove(container_path(name, rest));
    // With --force a container that is not there is as wanted.
    if (!removed && flags.on("force") && removed.error().code() == Code::kNotFound) {
      print_error(removed.error().message() + "\n");
      return std::string();
    }
    TRY(std::move(removed));
    return name;
  });
}

Outcome wait(Session& session, Flags& flags) {
  return for_each_argument(flags, [&](const std::string& name) -> Result<std::string> {
    ExitWait ended = TRY(ExitWait::begin(session, name, "not-running"));
    return cat(TRY(ended.finish()));
  });
}

Outcome rename(Session& session, Flags& flags) {
  auto renamed = session.api.post(
      container_path(flags.args[0], cat("/rename?name=", net::url_encode(flags.args[1]))));
  if (renamed) return 0;
  return Error(
      renamed.error().code(),
      cat(renamed.error().message(), "\nError: failed to rename container named ", flags.args[0]));
}

Outcome update(Session& session, Flags& flags) {
  json::Value body = json::object();
  TRY(add_resources(flags, body));
  if (flags.has("restart")) {
    body.set("RestartPolicy", TRY(parse_restart_policy(flags.get("restart"))));
  }
  if (body.as_object().empty()) {
    return Error(Code::kInvalidArgument,
                 "you must provide one or more flags when using this command");
  }
  return for_each_argument(flags, [&](const std::string& name) -> Result<std::string> {
    json::Value done = TRY(session.api.post(container_path(name, "/update"), body));
    for (const auto& warning : done.strings("Warnings")) print_error(warning + "\n");
    return name;
  });
}

struct Mapping {
  std::string container;  // "80/tcp"
  std::string host;       // "0.0.0.0:8080"
};

std::vector<Mapping> mappings_of(const json::Value& info) {
  std::vector<Mapping> out;
  const json::Value* settings = info.find("NetworkSettings");
  if (settings == nullptr) return out;
  for (const auto& [port, bindings] : settings->object("Ports")) {
    for (const auto& binding : bindings.as_array()) {
      std::string ip = binding.string("HostIp");
      if (ip.find(':') != std::string::npos) ip = cat("[", ip, "]");
      out.push_back({port, cat(ip, ":", binding.string("HostPort"))});
    }
  }
  std::stable_sort(out.begin(), out.end(), [](const Mapping& a, const Mapping& b) {
    return parse_uint(a.container.substr(0, a.container.find('/'))) <
           parse_uint(b.container.substr(0, b.container.find('/')));
  });
  return out;
}

Outcome port(Session& session, Flags& flags) {
  json::Value info = TRY(session.api.get(container_path(flags.args[0], "/json")));
  auto mappings = mappings_of(info);
  if (flags.args.size() == 1) {
    for (const auto& mapping : mappings) print(cat(mapping.container, " -> ", mapping.host, "\n"));
    return 0;
  }
  std::string wanted = flags.args[1];
  if (wanted.find('/') == std::string::npos) wanted += "/tcp";
  bool found = false;
  for (const auto& mapping : mappings) {
    if (mapping.container != wanted) continue;
    print(mapping.host + "\n");
    found = true;
  }
  if (found) return 0;
  std::string number = wanted.substr(0, wanted.find('/'));
  if (!parse_uint(number)) {
    return Error(Code::kInvalidArgument,
                 cat("Error: invalid port (", number, "): strconv.ParseUint: parsing ",
                     skiff::quoted(number), ": invalid syntax"));
  }
  return Error(Code::kNotFound,
               cat("Error: No public port '", flags.args[1], "' published for ", flags.args[0]));
}

Outcome top(Session& session, Flags& flags) {
  std::vector<std::string> options(flags.args.begin() + 1, flags.args.end());
  std::string query = options.empty() ? "" : cat("?ps_args=", net::url_encode(join(options, " ")));
  json::Value list = TRY(session.api.get(container_path(flags.args[0], cat("/top", query))));
  std::vector<std::vector<std::string>> rows = {list.strings("Titles")};
  for (const auto& process : list.array("Processes")) {
    auto& row = rows.emplace_back();
    for (const auto& cell : process.as_array()) row.push_back(cell.as_string());
  }
  constexpr size_t kWidth = 20;
  print(format_table(rows, kWidth));
  return 0;
}

Outcome diff(Session& session, Flags& flags) {
  json::Value changes = TRY(session.api.get(container_path(flags.args[0], "/changes")));
  constexpr std::string_view kKinds = "CAD";
  for (const auto& change : changes.as_array()) {
    auto kind = static_cast<size_t>(change.integer("Kind"));
    print(cat(kind < kKinds.size() ? kKinds[kind] : '?', " ", change.string("Path"), "\n"));
  }
  return 0;
}

constexpr FlagSpec kSignal = {"signal", 's', kString, "Signal to send to the container"};
constexpr FlagSpec kStopFlags[] = {
    kSignal, {"timeout", 't', kString, "Seconds to wait before killing the container", "int"}};
constexpr FlagSpec kKillFlags[] = {kSignal};
constexpr FlagSpec kRmFlags[] = {
    {"force", 'f', kBool, "Force the removal of a running container (uses SIGKILL)"},
    {"link", 'l', kBool, ""},
    {"volumes", 'v', kBool, "Remove the container's anonymous volumes"},
};
constexpr FlagSpec kUpdateFlags[] = {
    {"cpu-period", 0, kString, "Length of a CFS period in microseconds", "int"},
    {"cpu-quota", 0, kString, "CPU time in each CFS period in microseconds", "int"},
    {"cpu-shares", 'c', kString, "CPU shares (relative weight)", "int"},
    {"cpus", 0, kString, "Number of CPUs", "decimal"},
    {"cpuset-cpus", 0, kString, "CPUs in which to allow execution (0-3, 0,1)"},
    {"cpuset-mems", 0, kString, "Memory nodes in which to allow execution (0-3, 0,1)"},
    {"memory", 'm', kString, "Memory limit", "bytes"},
    {"memory-reservation", 0, kString, "Memory soft limit", "bytes"},
    {"memory-swap", 0, kString, "Memory and swap together: -1 for unlimited swap", "bytes"},
    {"pids-limit", 0, kString, "Limit of processes (-1 for unlimited)", "int"},
    {"restart", 0, kString, "What happens when the container exits"},
};

constexpr std::string_view kSome = "CONTAINER [CONTAINER...]";

constexpr Command kContainerCommands[] = {
    {.name = "stop",
     .usage = kSome,
     .summary = "Stop one or more running containers",
     .flags = kStopFlags,
     .run = stop,
     .min_args = 1,
     .aliases = "container stop"},
    {.name = "restart",
     .usage = kSome,
     .summary = "Restart one or more containers",
     .flags = kStopFlags,
     .run = restart,
     .min_args = 1,
     .aliases = "container restart"},
    {.name = "kill",
     .usage = kSome,
     .summary = "Kill one or more running containers",
     .flags = kKillFlags,
     .run = kill,
     .min_args = 1,
     .aliases = "container kill"},
    {.name = "pause",
     .usage = kSome,
     .summary = "Pause all processes within one or more containers",
     .run = pause,
     .min_args = 1,
     .aliases = "container pause"},
    {.name = "unpause",
     .usage = kSome,
     .summary = "Unpause all processes within one or more containers",
     .run = unpause,
     .min_args = 1,
     .aliases = "container unpause"},
    {.name = "rm",
     .usage = kSome,
     .summary = "Remove one or more containers",
     .flags = kRmFlags,
     .run = rm,
     .min_args = 1,
     .aliases = "container rm,container remove"},
    {.name = "wait",
     .usage = kSome,
     .summary = "Block until one or more containers stop, then print their exit codes",
     .run = wait,
     .min_args = 1,
     .aliases = "container wait"},
    {.name = "rename",
     .usage = "CONTAINER NEW_NAME",
     .summary = "Rename a container",
     .run = rename,
     .min_args = 2,
     .max_args = 2,
     .aliases = "container rename"},
    {.name = "update",
     .usage = kSome,
     .summary = "Update configuration of one or more containers",
     .flags = kUpdateFlags,
     .run = update,
     .min_args = 1,
     .aliases = "container update"},
    {.name = "port",
     .usage = "CONTAINER [PRIVATE_PORT[/PROTO]]",
     .summary = "List port mappings or a specific mapping for the container",
     .run = port,
     .min_args = 1,
     .max_args = 2,
     .aliases = "container port"},
    {.name = "top",
     .usage = "CONTAINER [ps OPTIONS]",
     .summary = "Display the running processes of a container",
     .run = top,
     .min_args = 1,
     .stop_at_args = true,
     .aliases = "container top"},
    {.name = "diff",
     .usage = "CONTAINER",
     .summary = "Inspect changes to files or directories on a container's filesystem",
     .run = diff,
     .min_args = 1,
     .max_args = 1,
     .aliases = "container diff"},
};

}  // namespace

std::span<const Command> container_commands() { return kContainerCommands; }

}  // namespace skiff::cli
