#include "cli/dispatch.h"

#include <algorithm>
#include <cstdlib>

#include "base/strings.h"
#include "cli/command_groups.h"

namespace skiff::cli {

namespace {

constexpr int kUsageError = 125;

constexpr FlagSpec kGlobalFlags[] = {
    {"config", 0, FlagKind::kString, "Directory of the client's settings (default ~/.docker)"},
    {"context", 'c', FlagKind::kString, "Only \"default\" is known; -H chooses a daemon"},
    {"debug", 'D', FlagKind::kBool, "Debug mode: accepted, changes nothing"},
    {"help", 0, FlagKind::kBool, "Print this text"},
    {"host", 'H', FlagKind::kList, "Daemon to talk to: unix://PATH or tcp://HOST:PORT"},
    {"log-level", 'l', FlagKind::kString, "Accepted, changes nothing"},
    {"version", 'v', FlagKind::kBool, "Print version information and quit"},
};

int usage_error(std::string_view message, std::string_view usage, std::string_view command,
                int code) {
  // Docker's words differ where arguments are missing.
  bool missing = message.find("' requires at least ") != std::string_view::npos &&
                 message.find(" and at most ") == std::string_view::npos;
  print_error(cat(message, "\n\nUsage:  ", usage, "\n\n", missing ? "See '" : "Run '", command,
                  " --help' for more information\n"));
  return code;
}

std::string usage_line(const Command& command) {
  std::string line = cat("skiff ", command.name);
  if (!flag_help(command.flags).empty()) line += " [OPTIONS]";
  if (!command.usage.empty()) line += cat(" ", command.usage);
  return line;
}

int wrong_use(const Command& command, std::string_view message, int code) {
  return usage_error(message, usage_line(command), cat("skiff ", command.name), code);
}

std::string arguments(size_t count) { return cat(count, count == 1 ? " argument" : " arguments"); }

// Empty when the number of arguments is right.
std::string check_arguments(const Command& command, size_t given) {
  if (given >= command.min_args && given <= command.max_args) return "";
  std::string text = cat("skiff: 'skiff ", command.name, "' ");
  if (command.max_args == 0) return text + "accepts no arguments";
  if (command.min_args == command.max_args)
    return cat(text, "requires ", arguments(command.min_args));
  if (command.min_args > 0 && command.max_args != SIZE_MAX) {
    return cat(text, "requires at least ", command.min_args, " and at most ",
               arguments(command.max_args));
  }
  if (given < command.min_args) return cat(text, "requires at least ", arguments(command.min_args));
  return cat(text, "requires at most ", arguments(command.max_args));
}

// A condition without '=' is wrong whatever the command does with it; empty when there is none.
std::string check_filters(const Command& command, const Flags& flags) {
  for (const FlagSpec& spec : command.flags) {
    if (spec.name != "filter" || spec.kind != FlagKind::kList) continue;
    for (const auto& filter : flags.all("filter")) {
      if (filter.find('=') != std::string::npos) continue;
      return bad_flag(spec.letter != 0 ? "-f, --filter" : "--filter", filter,
                      "bad format of filter (expected name=value)")
          .message();
    }
  }
  return "";
}

// Whether the user asks for help among the command's own flags.
bool asks_for_help(const Command& command, std::span<const std::string> words) {
  bool letter_taken = std::any_of(command.flags.begin(), command.flags.end(),
                                  [](const FlagSpec& spec) { return spec.letter == 'h'; });
  std::vector<FlagSpec> specs(command.flags.begin(), command.flags.end());
  specs.push_back({"help", letter_taken ? '\0' : 'h', FlagKind::kBool, ""});
  auto flags = parse_flags(words, specs, command.stop_at_args);
  if (flags) return flags->on("help");
  // A mistake before it does not keep the help back.
  return !command.stop_at_args && std::find(words.begin(), words.end(), "--help") != words.end();
}

// An error of the command's own: said after its name where its exit code is the container's.
int report(const Command& command, const Error& error) {
  const std::string& message = error.message();
  if (error.code() == Code::kInvalidArgument && message.starts_with("invalid argument ")) {
    return wrong_use(command, message, kUsageError);
  }
  if (command.error_code == 1) {
    print_error(message + "\n");
  } else {
    print_error(cat("skiff: ", message, "\n\nRun 'skiff ", command.name,
                    " --help' for more information\n"));
  }
  return command.error_code;
}

int run(const Command& command, std::span<const std::string> words, const std::string& host) {
  if (!command.passes_all && asks_for_help(command, words)) {
    print(command_help(command));
    return 0;
  }
  Flags flags;
  if (command.passes_all) {
    flags.args.assign(words.begin(), words.end());
  } else {
    auto parsed = parse_flags(words, command.flags, command.stop_at_args);
    if (!parsed) return wrong_use(command, parsed.error().message(), kUsageError);
    flags = std::move(*parsed);
  }
  if (auto wrong = check_filters(command, flags); !wrong.empty()) {
    return wrong_use(command, wrong, kUsageError);
  }
  if (auto wrong = check_arguments(command, flags.args.size()); !wrong.empty()) {
    return wrong_use(command, wrong, 1);
  }
  auto config = ClientConfig::load();
  if (!config) {
    print_error(
        cat("WARNING: the client's settings are not used: ", config.error().message(), "\n"));
  }
  Session session{ApiClient(daemon_host(host)), config ? std::move(*config) : ClientConfig(),
                  std::string(command.name)};
  Outcome outcome = command.run(session, flags);
  return outcome ? *outcome : report(command, outcome.error());
}

int unknown_command(std::string_view group, std::string_view word) {
  if (group.empty()) {
    print_error(cat("skiff: unknown command: skiff ", word,
                    "\n\nRun 'skiff --help' for more information\n"));
    return 1;
  }
  return usage_error(cat("skiff: unknown command: skiff ", group, " ", word),
                     cat("skiff ", group, " COMMAND"), cat("skiff ", group), 1);
}

// Finds the command that `words` begin with; takes its one to three words off.
const Command* take_command(std::span<const std::string>& words) {
  constexpr size_t kMostWords = 3;  // "buildx imagetools inspect"
  for (size_t count = std::min(words.size(), kMostWords); count > 0; --count) {
    const std::string name = join({words.begin(), words.begin() + static_cast<long>(count)}, " ");
    if (const Command* found = find_command(name)) {
      words = words.subspan(count);
      return found;
    }
  }
  return nullptr;
}

int help_for(std::span<const std::string> words) {
  if (words.empty()) {
    print(group_help(""));
    return 0;
  }
  auto rest = words;
  if (const Command* command = take_command(rest)) {
    print(command_help(*command));
    return 0;
  }
  if (is_group(words[0])) {
    print(group_help(words[0]));
    return 0;
  }
  print_error(cat("unknown help topic: ", words[0], "\n"));
  return 1;
}

int dispatch(std::span<const std::string> words, const std::string& host) {
  if (words.empty()) {
    print(group_help(""));
    return 0;
  }
  if (words[0] == "help") return help_for(words.subspan(1));
  auto rest = words;
  if (const Command* command = take_command(rest)) return run(*command, rest, host);
  if (!is_group(words[0])) return unknown_command("", words[0]);
  for (const auto& word : words.subspan(1)) {
    if (!word.starts_with("-")) return unknown_command(words[0], word);
  }
  auto help = [](const std::string& word) { return word == "--help" || word == "-h"; };
  bool asked = std::any_of(words.begin() + 1, words.end(), help);
  (asked ? print : print_error)(group_help(words[0]));
  return 0;
}

}  // namespace

int run_command_line(std::span<const std::string> words) {
  auto globals = parse_flags(words, kGlobalFlags, true);
  if (!globals) {
    return usage_error(globals.error().message(), "skiff [OPTIONS] COMMAND [ARG...]", "skiff",
                       kUsageError);
  }
  if (globals->on("version")) {
    print("Skiff version " SKIFF_VERSION "\n");
    return 0;
  }
  if (globals->on("help")) return help_for(globals->args);
  if (auto context = globals->get("context"); !context.empty() && context != "default") {
    print_error(cat("skiff: context ", skiff::quoted(context),
                    " is unknown: contexts are not served, choose a daemon with -H\n"));
    return 1;
  }
  if (auto directory = globals->get("config"); !directory.empty()) {
    ::setenv("DOCKER_CONFIG", directory.c_str(), 1);
  }
  if (globals->all("host").size() > 1) {
    print_error("skiff: Specify only one -H\n");
    return 1;
  }
  return dispatch(globals->args, globals->get("host"));
}

std::string command_help(const Command& command) {
  std::string out = cat("Usage:  ", usage_line(command), "\n\n", command.summary, "\n");
  if (!command.aliases.empty()) {
    std::vector<std::string> names = split(command.aliases, ',');
    for (auto& name : names) name = cat("skiff ", name);
    std::string own = cat("skiff ", command.name);
    bool two_words = command.name.find(' ') != std::string_view::npos;
    names.insert(two_words ? names.begin() : names.end(), own);
    out += cat("\nAliases:\n  ", join(names, ", "), "\n");
  }
  std::string options = flag_help(command.flags);
  if (!options.empty()) out += cat("\nOptions:\n", options);
  return out;
}

std::string global_flag_help() { return flag_help(kGlobalFlags); }

}  // namespace skiff::cli
