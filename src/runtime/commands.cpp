#include "runtime/commands.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "base/clock.h"
#include "base/heap.h"
#include "base/io.h"
#include "base/strings.h"
#include "base/truth.h"
#include "codec/json.h"
#include "runtime/command_help.h"
#include "runtime/command_line.h"
#include "runtime/diagnostics.h"
#include "runtime/own_program.h"
#include "runtime/process_setup.h"

namespace skiff::runtime {

namespace {

constexpr CommandFlag kGlobalFlags[] = {
    {"root", "", "DIR", "where the containers' state is kept"},
    {"log", "", "FILE", "log errors there, besides standard error"},
    {"log-format", "", "FORMAT", "text or json"},
    {"debug", "", "", "tell each step, in the log or on standard error"},
    {"criu", "", "FILE", "the program for checkpoint and restore; criu in PATH when not given"},
    {"systemd-cgroup", "", "", "let systemd make the cgroup, slice:prefix:name"},
    {"rootless", "", "VALUE", "accepted for runc's sake; the mode follows from the user"},
    {"help", "h", "", "print this text"},
    {"version", "v", "", "print the version"}};

constexpr std::string_view kNeedShield[] = {"create", "run", "exec"};

std::vector<Command> all_commands() {
  std::vector<Command> all;
  for (auto* group : {create_commands, exec_commands, life_commands, inspect_commands,
                      resource_commands, checkpoint_commands, host_commands}) {
    for (Command& command : group()) all.push_back(std::move(command));
  }
  return all;
}

// --log: a file of its own, one line an event, in runc's form so that engines can read it.
class ErrorLog {
 public:
  static Result<ErrorLog> open(const CommandArguments& global) {
    ErrorLog log;
    std::string format = global.value("log-format");
    if (!format.empty() && format != "text" && format != "json") {
      return Error(Code::kInvalidArgument,
                   cat("--log-format: ", quoted(format), " is neither text nor json"));
    }
    log.json_ = format == "json";
    std::string file = global.value("log");
    if (!file.empty()) {
      log.file_ = TRY_CONTEXT(open_file(file, O_WRONLY | O_CREAT | O_APPEND, 0644), "--log");
    }
    return log;
  }

  bool to_file() const { return static_cast<bool>(file_); }

  // To standard error where there is no file.
  void write(std::string_view level, std::string_view text) const {
    std::string time = format_rfc3339(Clock::system().now());
    std::string line = json_
                           ? json::object({{"level", level}, {"msg", text}, {"time", time}}).dump()
                           : cat("time=", quoted(time), " level=", level, " msg=", quoted(text));
    tell(file_ ? file_.get() : STDERR_FILENO, line + "\n");
  }

 private:
  UniqueFd file_;
  bool json_ = false;
};

Result<Path> state_root(const CommandArguments& global) {
  if (global.has("root")) {
    std::error_code ec;
    Path root = std::filesystem::absolute(global.value("root"), ec);
    if (!ec && (!std::filesystem::exists(root, ec) || std::filesystem::is_directory(root, ec))) {
      return root;
    }
    return Error(Code::kInvalidArgument,
                 cat("--root ", quoted(global.value("root")), ": not a directory"));
  }
  const char* directory = ::getenv("XDG_RUNTIME_DIR");
  if (::geteuid() != 0 && directory != nullptr && *directory == '/') {
    return Path(directory) / "skiff-runtime";
  }
  return Path("/run/skiff-runtime");
}

Result<> check_rootless(const CommandArguments& global) {
  const std::string mode = global.value("rootless");
  if (!global.has("rootless") || mode == "auto" || parse_bool(mode)) return {};
  return Error(Code::kInvalidArgument,
               cat("--rootless: ", quoted(mode), " is neither true, false nor auto"));
}

Result<int> run_command(std::string_view program, const Command& command,
                        const CommandArguments& global, std::span<const std::string> arguments) {
  std::vector<CommandFlag> flags = command.flags;
  flags.push_back({"help", "h", "", ""});
  CommandContext context;
  context.root = TRY(state_root(global));
  context.systemd_cgroup = global.has("systemd-cgroup");
  context.criu = global.value("criu");
  context.arguments = TRY(CommandArguments::parse(arguments, flags, command.words_end_flags));
  if (context.arguments.has("help")) {
    print(trim(help_text(program, command)));
    return 0;
  }
  size_t words = context.arguments.words().size();
  if (words < command.least_words || words > command.most_words) {
    return Error(Code::kInvalidArgument,
                 cat(command.name, " takes ", command.words.empty() ? "no words" : command.words));
  }
  return command.run(context);
}

Result<int> dispatch(const char* program, const CommandArguments& global,
                     std::span<char* const> arguments, std::string_view commit) {
  std::vector<Command> commands = all_commands();
  if (global.has("version")) {
    print(version_text(program, commit));
    return 0;
  }
  TRY(check_rootless(global));
  const std::vector<std::string>& words = global.words();
  if (global.has("help") || words.empty() || words[0] == "help") {
    print(trim(help_text(program, commands, kGlobalFlags)));
    return 0;
  }
  for (const Command& command : commands) {
    if (command.name != words[0]) continue;
    if (std::find(std::begin(kNeedShield), std::end(kNeedShield), words[0]) !=
        std::end(kNeedShield)) {
      TRY(run_from_readonly_mount(program, arguments));
    }
    return run_command(program, command, global, std::span(words).subspan(1));
  }
  return Error(Code::kInvalidArgument,
               cat("No help topic for '", words[0], "': there is no such command"));
}

// To standard error, in runc's words, which callers and their tests look for. That the kernel would
// not execute the program is what the container says: it stands alone.
void tell_failure(const char* program, std::string_view command, const Error& error) {
  std::string line = error.message();
  if (!is_exec_failure(error)) {
    const bool makes = command == "run" || command == "create";
    line = cat(program, makes ? cat(" ", command, " failed") : std::string(), ": ", line);
  }
  tell(STDERR_FILENO, line + "\n");
}

}  // namespace

int runtime_main(const char* program, std::span<char* const> arguments, std::string_view commit) {
  keep_heap();
  std::vector<std::string> texts(arguments.begin(), arguments.end());
  Result<CommandArguments> global = CommandArguments::parse(texts, kGlobalFlags, true);
  Result<ErrorLog> log = global ? ErrorLog::open(*global) : Result<ErrorLog>(global.error());
  if (log && log->to_file()) {
    set_warning_sink([&](std::string_view text) { log->write("warning", text); });
  }
  if (log && global->has("debug")) {
    set_debug_sink([&](std::string_view text) { log->write("debug", text); });
  }
  Result<int> done = log ? dispatch(program, *global, arguments, commit) : Result<int>(log.error());
  if (done) return *done;
  if (log && log->to_file()) log->write("error", done.error().message());
  const std::string command =
      global && !global->words().empty() ? global->words().front() : std::string();
  tell_failure(program, command, done.error());
  // As runc: an exec that fails is not to be taken for a program that answers 1.
  return command == "exec" ? 255 : 1;
}

}  // namespace skiff::runtime
