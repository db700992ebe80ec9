// logs, attach, exec, events; stats is in stats.cpp.
#include <unistd.h>

#include <algorithm>

#include "base/clock.h"
#include "base/strings.h"
#include "cli/attach_stream.h"
#include "cli/listing.h"
#include "cli/option_values.h"
#include "cli/run_container.h"
#include "cli/stats.h"
#include "cli/terminal.h"

namespace skiff::cli {

namespace {

using enum FlagKind;

constexpr FlagSpec kLogsFlags[] = {
    {"details", 0, kBool, "Show the extra attributes of the logging driver"},
    {"follow", 'f', kBool, "Follow log output"},
    {"since", 0, kString, "Show logs since a time (\"2013-01-02T13:23:37Z\") or span (\"42m\")"},
    {"tail", 'n', kString, "Number of lines to show from the end (default \"all\")"},
    {"timestamps", 't', kBool, "Show timestamps"},
    {"until", 0, kString, "Show logs before a time (\"2013-01-02T13:23:37Z\") or span (\"42m\")"},
};

Result<std::string> log_time(const Flags& flags, std::string_view flag) {
  auto time = time_parameter(flags.get(flag));
  if (time) return time;
  return Error(time.error().code(),
               cat("invalid value for ", skiff::quoted(flag), ": ", time.error().message()));
}

Result<std::string> logs_query(const Flags& flags) {
  net::Query query;
  if (flags.on("details")) query.add("details", "1");
  if (flags.on("follow")) query.add("follow", "1");
  if (flags.has("since")) query.add("since", TRY(log_time(flags, "since")));
  query.add("stderr", "1");
  query.add("stdout", "1");
  query.add("tail", flags.get("tail", "all"));
  if (flags.on("timestamps")) query.add("timestamps", "1");
  if (flags.has("until")) query.add("until", TRY(log_time(flags, "until")));
  return query.str();
}

Outcome logs(Session& session, Flags& flags) {
  json::Value info = TRY(session.api.get(container_path(flags.args[0], "/json")));
  bool terminal = info.find("Config") != nullptr && info.find("Config")->boolean("Tty");
  net::ClientRequest request;
  request.target = container_path(info.string("Id"), cat("/logs?", TRY(logs_query(flags))));
  auto response = TRY(session.api.send(request));
  FrameSplitter splitter;
  FdSink screen(STDOUT_FILENO);
  char buffer[32768];
  for (;;) {
    size_t n = TRY(response.body->read(buffer));
    if (n == 0) return 0;
    std::string_view bytes(buffer, n);
    TRY(terminal ? screen.write(bytes) : splitter.feed(bytes));
  }
}

constexpr FlagSpec kAttachFlags[] = {
    {"detach-keys", 0, kString, "Keys that detach from the container"},
    {"no-stdin", 0, kBool, "Do not attach STDIN"},
    {"sig-proxy", 0, kBool, "Pass signals on to the process (default true)"},
};

Result<> check_attachable(const json::Value& info) {
  const json::Value empty;
  const json::Value* found = info.find("State");
  const json::Value& state = found != nullptr ? *found : empty;
  auto refuse = [](const char* text) { return Error(Code::kFailedPrecondition, text); };
  if (!state.boolean("Running")) {
    return refuse("You cannot attach to a stopped container, start it first");
  }
  if (state.boolean("Paused")) {
    return refuse("You cannot attach to a paused container, unpause it first");
  }
  if (state.boolean("Restarting")) {
    return refuse("You cannot attach to a restarting container, wait until it is running");
  }
  return {};
}

Outcome attach(Session& session, Flags& flags) {
  json::Value info = TRY(session.api.get(container_path(flags.args[0], "/json")));
  TRY(check_attachable(info));
  const json::Value* config = info.find("Config");
  AttachPlan plan;
  plan.terminal = config->boolean("Tty");
  plan.in = config->boolean("OpenStdin") && !flags.on("no-stdin");
  plan.out = plan.err = true;
  plan.proxy_signals = flags.on("sig-proxy", true);
  plan.detach_keys = flags.get("detach-keys");
  TRY(check_terminal(plan.in, plan.terminal));
  return attach_and_start(session, info.string("Id"), plan, "not-running",
                          [] { return Result<>(); });
}

constexpr FlagSpec kExecFlags[] = {
    {"detach", 'd', kBool, "Run the command in the background"},
    {"detach-keys", 0, kString, "Keys that detach from the command"},
    {"env", 'e', kList, "Set environment variables"},
    {"env-file", 0, kList, "Read environment variables from a file"},
    {"interactive", 'i', kBool, "Keep STDIN open even if not attached"},
    {"privileged", 0, kBool, "Give the command all privileges"},
    {"tty", 't', kBool, "Allocate a pseudo-TTY"},
    {"user", 'u', kString, "User name or UID (format: <name|uid>[:<group|gid>])"},
    {"workdir", 'w', kString, "Working directory inside the container"},
};

Result<json::Value> exec_request(const Flags& flags) {
  bool attached = !flags.on("detach");
  std::vector<std::string> command(flags.args.begin() + 1, flags.args.end());
  json::Value body =
      json::object({{"User", flags.get("user")},
                    {"Privileged", flags.on("privileged")},
                    {"Tty", flags.on("tty")},
                    {"AttachStdin", attached && flags.on("interactive")},
                    {"AttachStderr", attached},
                    {"AttachStdout", attached},
                    {"DetachKeys", flags.get("detach-keys")},
                    {"Env", TRY(read_environment(flags.all("env-file"), flags.all("env")))},
                    {"WorkingDir", flags.get("workdir")},
                    {"Cmd", command}});
  if (WindowSize size = window_size(); flags.on("tty") && size.height > 0) {
    body.set("ConsoleSize", json::array({size.height, size.width}));
  }
  return body;
}

Outcome exec(Session& session, Flags& flags) {
  bool detached = flags.on("detach");
  bool with_stdin = flags.on("interactive") && !detached;
  TRY(check_terminal(with_stdin, flags.on("tty")));
  DetachKeys keys = TRY(DetachKeys::parse(flags.get("detach-keys")));
  json::Value body = TRY(exec_request(flags));
  json::Value created = TRY(session.api.post(container_path(flags.args[0], "/exec"), body));
  std::string path = cat("/exec/", created.string("Id"));
  json::Value start = json::object({{"Detach", detached}, {"Tty", flags.on("tty")}});
  if (const json::Value* size = body.find("ConsoleSize")) start.set("ConsoleSize", *size);
  if (detached) {
    TRY(session.api.post(path + "/start", start));
    return 0;
  }
  auto connection = TRY(session.api.hijack(path + "/start", start));
  AttachStream how{with_stdin, flags.on("tty"), path + "/resize", std::move(keys)};
  StreamEnd end = TRY(carry_streams(session, std::move(connection), std::move(how)));
  if (end == StreamEnd::kDetached) return 0;
  json::Value info = TRY(session.api.get(path + "/json"));
  return static_cast<int>(info.integer("ExitCode"));
}

constexpr FlagSpec kEventsFlags[] = {
    {"filter", 'f', kList, "Show only what meets the condition", "filter"},
    {"format", 0, kString, "Print by a template: 'json' or a Go TEMPLATE"},
    {"since", 0, kString, "Show all events since a time"},
    {"until", 0, kString, "Show events until a time, then end"},
};

std::string event_line(const json::Value& event) {
  const json::Value* actor = event.find("Actor");
  std::vector<std::string> attributes;
  std::string id;
  if (actor != nullptr) {
    id = actor->string("ID");
    for (const auto& [key, value] : actor->object("Attributes")) {
      attributes.push_back(cat(key, "=", value.as_string()));
    }
  }
  std::sort(attributes.begin(), attributes.end());
  std::string line =
      cat(format_rfc3339_fixed(TimePoint(std::chrono::nanoseconds(event.integer("timeNano")))), " ",
          event.string("Type"), " ", event.string("Action"), " ", id);
  return attributes.empty() ? line : cat(line, " (", join(attributes, ", "), ")");
}

// Templates know the members of the old form by the names of Go's fields.
Result<std::string> formatted_event(const std::string& format, json::Value event) {
  if (format != "json" && format != "{{json .}}") {
    constexpr std::pair<std::string_view, std::string_view> kNames[] = {
        {"ID", "id"},       {"Status", "status"}, {"From", "from"},
        {"Scope", "scope"}, {"Time", "time"},     {"TimeNano", "timeNano"}};
    for (const auto& [name, member] : kNames) {
      const json::Value* value = event.find(member);
      event.set(name, value != nullptr ? json::Value(*value) : json::Value(""));
    }
  }
  return format_object(format, event);
}

Outcome events(Session& session, Flags& flags) {
  net::Query query;
  if (auto filters = TRY(filters_parameter(flags.all("filter"))); !filters.empty()) {
    query.add("filters", filters);
  }
  if (flags.has("since")) query.add("since", TRY(time_parameter(flags.get("since"))));
  if (flags.has("until")) query.add("until", TRY(time_parameter(flags.get("until"))));
  net::ClientRequest request;
  request.target = cat("/events?", query.str());
  std::string format = flags.get("format");
  TRY(session.api.stream(request, [&](const json::Value& event) -> Result<> {
    print(format.empty() ? event_line(event) + "\n" : TRY(formatted_event(format, event)));
    fflush(stdout);
    return {};
  }));
  return 0;
}

constexpr FlagSpec kStatsFlags[] = {
    {"all", 'a', kBool, "Show all containers (default shows just running)"},
    {"format", 0, kString,
     "Print by a template: 'table', 'table TEMPLATE', 'json' or a Go TEMPLATE"},
    {"no-stream", 0, kBool, "Print the first result and end"},
    {"no-trunc", 0, kBool, "Do not truncate output"},
};

constexpr Command kStreamCommands[] = {
    {.name = "logs",
     .usage = "CONTAINER",
     .summary = "Fetch the logs of a container",
     .flags = kLogsFlags,
     .run = logs,
     .min_args = 1,
     .max_args = 1,
     .aliases = "container logs"},
    {.name = "attach",
     .usage = "CONTAINER",
     .summary = "Attach local standard input, output, and error streams to a running container",
     .flags = kAttachFlags,
     .run = attach,
     .min_args = 1,
     .max_args = 1,
     .aliases = "container attach"},
    {.name = "exec",
     .usage = "CONTAINER COMMAND [ARG...]",
     .summary = "Execute a command in a running container",
     .flags = kExecFlags,
     .run = exec,
     .min_args = 2,
     .stop_at_args = true,
     .aliases = "container exec"},
    {.name = "events",
     .summary = "Get real time events from the server",
     .flags = kEventsFlags,
     .run = events,
     .max_args = 0,
     .aliases = "system events"},
    {.name = "stats",
     .usage = "[CONTAINER...]",
     .summary = "Display a live stream of container(s) resource usage statistics",
     .flags = kStatsFlags,
     .run = stats,
     .aliases = "container stats"},
};

}  // namespace

std::span<const Command> stream_commands() { return kStreamCommands; }

}  // namespace skiff::cli
