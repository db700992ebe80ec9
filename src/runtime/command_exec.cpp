// skiff-runtime exec.
#include <signal.h>
#include <sys/wait.h>

#include <cerrno>

#include "base/scope_exit.h"
#include "base/strings.h"
#include "runtime/command_line.h"
#include "runtime/config_types.h"
#include "runtime/container.h"
#include "runtime/diagnostics.h"
#include "runtime/foreground.h"

namespace skiff::runtime {

namespace {

std::vector<CommandFlag> exec_flags() {
  return {{"process", "p", "FILE", "a process object as JSON, instead of flags and words"},
          {"console-socket", "", "PATH", "Unix socket that gets the terminal's master"},
          {"cwd", "", "DIR", "working directory"},
          {"env", "e", "NAME=VALUE", "add to the environment"},
          {"tty", "t", "", "with a terminal"},
          {"user", "u", "UID[:GID]", "who it runs as"},
          {"additional-gids", "g", "GID", "a further group"},
          {"detach", "d", "", "do not wait for the end"},
          {"pid-file", "", "FILE", "gets the process's number"},
          {"no-new-privs", "", "", "set no_new_privs"},
          {"cap", "c", "CAPABILITY", "add a capability"},
          {"preserve-fds", "", "N", "descriptors to keep besides 0, 1 and 2"},
          {"cgroup", "", "[CONTROLLER:]PATH", "cgroup below the container's"},
          {"pidfd-socket", "", "PATH", "Unix socket that gets the process's pidfd"},
          {"process-label", "", "LABEL", "SELinux label of the process"},
          {"apparmor", "", "PROFILE", "AppArmor profile of the process"},
          {"ignore-paused", "", "", "also where the container is paused"}};
}

Result<uint32_t> parse_id(std::string_view text) {
  std::optional<uint64_t> id = parse_uint(text);
  if (!id || *id > 0xfffffffeU) {
    return Error(Code::kInvalidArgument, cat("invalid id ", quoted(text)));
  }
  return static_cast<uint32_t>(*id);
}

Result<> apply_user(const CommandArguments& arguments, OciProcess& process) {
  if (arguments.has("user")) {
    std::string user = arguments.value("user");
    auto pair = split_once(user, ':');
    process.uid = TRY(parse_id(pair ? pair->first : std::string_view(user)));
    if (pair) process.gid = TRY(parse_id(pair->second));
  }
  // Groups that are asked for are given.
  if (arguments.has("additional-gids")) process.keeps_groups = false;
  for (const std::string& gid : arguments.values("additional-gids")) {
    process.additional_gids.push_back(TRY(parse_id(gid)));
  }
  return {};
}

void apply_capabilities(const CommandArguments& arguments, OciProcess& process) {
  for (const std::string& name : arguments.values("cap")) {
    int number = sys::capability_number(name);
    if (number < 0) {
      warn(cat("unknown capability ", quoted(name), " is left out"));
      continue;
    }
    sys::CapabilityMask bit = sys::CapabilityMask{1} << static_cast<unsigned>(number);
    process.capabilities.bounding |= bit;
    process.capabilities.effective |= bit;
    process.capabilities.permitted |= bit;
    // Ambient needs inheritable, which the flag leaves alone: only a container that uses it.
    if (process.capabilities.inheritable != 0) process.capabilities.ambient |= bit;
  }
}

// The container's own process, changed by flags and words.
Result<OciProcess> changed_process(const CommandArguments& arguments, const OciConfig& config) {
  if (!config.process) return Error(Code::kInvalidArgument, "process property must not be empty");
  OciProcess process = *config.process;
  const std::vector<std::string>& words = arguments.words();
  process.args.assign(words.begin() + 1, words.end());
  if (process.args.empty() || process.args[0].empty()) {
    return Error(Code::kInvalidArgument, "process args cannot be empty");
  }
  process.terminal = arguments.has("tty");
  if (arguments.has("cwd")) process.cwd = arguments.value("cwd");
  if (!process.cwd.starts_with('/')) {
    return Error(Code::kInvalidArgument,
                 cat("--cwd ", quoted(process.cwd), ": Cwd must be an absolute path"));
  }
  for (const std::string& variable : arguments.values("env")) {
    if (variable.find('=') == std::string::npos) {
      return Error(Code::kInvalidArgument, cat("--env ", quoted(variable), " is not NAME=value"));
    }
    process.env.push_back(variable);
  }
  if (arguments.has("process-label")) process.selinux_label = arguments.value("process-label");
  if (arguments.has("apparmor")) process.apparmor_profile = arguments.value("apparmor");
  if (arguments.has("no-new-privs")) process.no_new_privileges = true;
  TRY(apply_user(arguments, process));
  apply_capabilities(arguments, process);
  return process;
}

Result<OciProcess> process_of(const CommandArguments& arguments, const OciConfig& config) {
  std::string file = arguments.value("process");
  if (file.empty()) return changed_process(arguments, config);
  const json::Value asked = TRY_CONTEXT(json::parse(TRY(read_file(file))), file);
  TRY_CONTEXT(check_types(asked, "process"), file);
  OciProcess process = TRY_CONTEXT(parse_process(asked), file);
  if (arguments.has("tty")) process.terminal = true;
  process.keeps_groups = config.process && config.process->keeps_groups;
  return process;
}

// "PATH", or "CONTROLLER[,CONTROLLER...]:PATH" once a controller.
Result<std::map<std::string, std::string>> parse_cgroups(const std::vector<std::string>& texts) {
  std::map<std::string, std::string> cgroups;
  for (const std::string& text : texts) {
    auto pair = split_once(text, ':');
    if (!pair && texts.size() > 1) {
      return Error(Code::kInvalidArgument,
                   cat("invalid --cgroup argument: ", text, " (missing <controller>: prefix)"));
    }
    for (const std::string& name : split(pair ? pair->first : std::string_view(), ',')) {
      std::string path(pair ? pair->second : std::string_view(text));
      if (path.find(':') != std::string::npos) {
        return Error(Code::kInvalidArgument, cat("invalid --cgroup argument: ", text));
      }
      if (!cgroups.emplace(name, path).second) {
        return Error(Code::kInvalidArgument, cat("invalid --cgroup argument(s): controller ", name,
                                                 " specified multiple times"));
      }
    }
  }
  return cgroups;
}

Result<int> exec(const CommandContext& context) {
  const CommandArguments& arguments = context.arguments;
  Container container = TRY(Container::load(context.root, context.id()));
  OciProcess process = TRY(process_of(arguments, container.config()));
  bool detach = arguments.has("detach");
  Console console = TRY(Console::open(process.terminal, arguments.value("console-socket"), detach));
  if (!detach) hold_signals();
  sys::Child child =
      TRY(container.exec(process, {.console_socket = console.socket(),
                                   .preserve_fds = TRY(arguments.number("preserve-fds", 0)),
                                   .cgroups = TRY(parse_cgroups(arguments.values("cgroup"))),
                                   .ignore_paused = arguments.has("ignore-paused")}));
  // Whoever asked is told that there is no process: then there is none.
  ScopeExit undo([&] {
    ::kill(child.pid, SIGKILL);
    while (::waitpid(child.pid, nullptr, 0) < 0 && errno == EINTR) continue;
  });
  UniqueFd master = TRY(console.take_master());
  TRY(announce(arguments, child.pid, child.pidfd.get()));
  undo.dismiss();
  if (detach) return 0;
  return attend(child, std::move(master));
}

}  // namespace

std::vector<Command> exec_commands() {
  return {{"exec", "<container-id> [program] [argument...]", "run a program in a container",
           exec_flags(), 1, SIZE_MAX, true, exec}};
}

}  // namespace skiff::runtime
