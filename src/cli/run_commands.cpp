// run, create, start.
#include <functional>

#include "base/strings.h"
#include "cli/create_request.h"
#include "cli/detach_keys.h"
#include "cli/run_container.h"

namespace skiff::cli {

namespace {

using enum FlagKind;

// Says an Error of the container's start under Docker's exit codes.
int start_failed(const Session& session, const Error& error) {
  print_error(cat("skiff: ", error.message(), "\n\nRun 'skiff ", session.command,
                  " --help' for more information\n"));
  return start_error_code(error.message());
}

Result<> post_start(Session& session, const std::string& id) {
  TRY(session.api.post(container_path(id, "/start")));
  return {};
}

AttachPlan plan_of(const Flags& flags) {
  AttachPlan plan;
  plan.terminal = flags.on("tty");
  plan.proxy_signals = flags.on("sig-proxy", true);
  plan.detach_keys = flags.get("detach-keys");
  plan.out = plan.err = !flags.has("attach");
  plan.in = flags.on("interactive") && !flags.has("attach");
  for (const auto& name : flags.all("attach")) {
    std::string stream = to_lower(name);
    plan.in |= stream == "stdin";
    plan.out |= stream == "stdout";
    plan.err |= stream == "stderr";
  }
  return plan;
}

Outcome run_detached(Session& session, const Flags& flags) {
  std::string id = TRY(create_container(session, flags));
  if (auto started = post_start(session, id); !started) {
    return start_failed(session, started.error());
  }
  print(id + "\n");
  return 0;
}

Outcome run(Session& session, Flags& flags) {
  if (flags.on("detach")) return run_detached(session, flags);
  AttachPlan plan = plan_of(flags);
  if (auto checked = check_terminal(plan.in, plan.terminal); !checked) {
    print_error(checked.error().message() + "\n");
    return 1;
  }
  TRY(DetachKeys::parse(plan.detach_keys));  // attaching would refuse them too late
  std::string id = TRY(create_container(session, flags));
  Result<> started;
  auto start = [&] { return started = post_start(session, id); };
  Outcome ended =
      attach_and_start(session, id, plan, flags.on("rm") ? "removed" : "next-exit", start);
  if (!started) return start_failed(session, started.error());
  return ended;
}

// Options that cannot be read have the exit code of `run`; what the daemon refuses has not.
Outcome create(Session& session, Flags& flags) {
  if (auto request = make_create_request(flags); !request) {
    const std::string& message = request.error().message();
    if (message.starts_with("invalid argument ")) return request.error();
    print_error(cat("skiff: ", message, "\n\nRun 'skiff create --help' for more information\n"));
    constexpr int kOptionError = 125;
    return kOptionError;
  }
  print(TRY(create_container(session, flags)) + "\n");
  return 0;
}

Outcome start_attached(Session& session, const Flags& flags) {
  if (flags.args.size() > 1) {
    return Error(Code::kInvalidArgument, "you cannot start and attach multiple containers at once");
  }
  json::Value info = TRY(session.api.get(container_path(flags.args[0], "/json")));
  std::string id = info.string("Id");
  const json::Value* config = info.find("Config");
  AttachPlan plan;
  plan.terminal = config->boolean("Tty");
  plan.in = flags.on("interactive") && config->boolean("OpenStdin");
  plan.out = plan.err = true;
  plan.proxy_signals = true;
  plan.detach_keys = flags.get("detach-keys");
  TRY(check_terminal(plan.in, plan.terminal));
  bool removes = info.find("HostConfig")->boolean("AutoRemove");
  return attach_and_start(session, id, plan, removes ? "removed" : "next-exit",
                          [&] { return post_start(session, id); });
}

Outcome start(Session& session, Flags& flags) {
  if (flags.on("attach") || flags.on("interactive")) return start_attached(session, flags);
  std::vector<std::string> failed;
  for (const auto& name : flags.args) {
    if (auto started = post_start(session, name)) {
      print(name + "\n");
    } else {
      print_error(started.error().message() + "\n");
      failed.push_back(name);
    }
  }
  if (failed.empty()) return 0;
  return Error(Code::kUnknown, cat("Error: failed to start containers: ", join(failed, ", ")));
}

// The flags that create_flags() lack of `run`'s.
constexpr FlagSpec kRunOnly[] = {
    {"detach", 'd', kBool, "Run the container in the background and print its ID"},
    {"detach-keys", 0, kString, "Keys that detach from the container"},
    {"sig-proxy", 0, kBool, "Pass signals on to the process (default true)"},
};
constexpr FlagSpec kStartFlags[] = {
    {"attach", 'a', kBool, "Attach STDOUT/STDERR and forward signals"},
    {"detach-keys", 0, kString, "Keys that detach from the container"},
    {"interactive", 'i', kBool, "Attach the container's STDIN"},
};

std::vector<FlagSpec> join_flags() {
  std::vector<FlagSpec> out(create_flags().begin(), create_flags().end());
  out.insert(out.end(), std::begin(kRunOnly), std::end(kRunOnly));
  return out;
}

std::vector<Command> make_commands() {
  static const std::vector<FlagSpec> kRunFlags = join_flags();
  constexpr int kOwnError = 125;  // what is below is the container's exit code
  return {
      {.name = "run",
       .usage = "IMAGE [COMMAND] [ARG...]",
       .summary = "Create and run a new container from an image",
       .flags = kRunFlags,
       .run = run,
       .min_args = 1,
       .stop_at_args = true,
       .error_code = kOwnError,
       .aliases = "container run"},
      {.name = "create",
       .usage = "IMAGE [COMMAND] [ARG...]",
       .summary = "Create a new container",
       .flags = create_flags(),
       .run = create,
       .min_args = 1,
       .stop_at_args = true,
       .aliases = "container create"},
      {.name = "start",
       .usage = "CONTAINER [CONTAINER...]",
       .summary = "Start one or more stopped containers",
       .flags = kStartFlags,
       .run = start,
       .min_args = 1,
       .aliases = "container start"},
  };
}

}  // namespace

std::span<const Command> run_commands() {
  static const std::vector<Command> kRunCommands = make_commands();
  return kRunCommands;
}

}  // namespace skiff::cli
