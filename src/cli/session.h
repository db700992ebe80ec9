// Session: what every command gets: the daemon, the user's settings and its own name.
#pragma once

#include <span>
#include <string>

#include "cli/api_client.h"
#include "cli/client_config.h"
#include "cli/flags.h"
#include "cli/progress.h"

namespace skiff::cli {

struct Session {
  ApiClient api;
  ClientConfig config;
  std::string command;  // "run": for messages
};

// A command's way to end: its exit code, or an Error that is printed.
using Outcome = Result<int>;

struct Command {
  std::string_view name;   // "run", "volume ls", ...
  std::string_view usage;  // "IMAGE [COMMAND] [ARG...]"
  std::string_view summary;
  std::span<const FlagSpec> flags;
  Outcome (*run)(Session&, Flags&);
  size_t min_args = 0;
  size_t max_args = SIZE_MAX;
  bool stop_at_args = false;  // flags after the first argument belong to the container's program
  int error_code = 1;        // exit code of an Error; 125 where the program's own code is passed on
  std::string_view aliases;  // other names, separated by ','
  bool passes_all = false;   // all words belong to another program
};

// The groups, each a table in its own file.
std::span<const Command> run_commands();        // run, create, start
std::span<const Command> container_commands();  // stop, kill, rm, ...
std::span<const Command> list_commands();       // ps, images, inspect, history, ...
std::span<const Command> stream_commands();     // logs, attach, exec, events, stats
std::span<const Command> copy_commands();       // cp, export, import, save, load
std::span<const Command> image_commands();      // pull, push, tag, rmi, commit, search
std::span<const Command> login_commands();      // login, logout
std::span<const Command> build_commands();      // build
std::span<const Command> manifest_commands();
std::span<const Command> imagetools_commands();
std::span<const Command> volume_commands();
std::span<const Command> network_commands();
std::span<const Command> system_commands();   // version, info, system df
std::span<const Command> check_commands();    // system check, system scrub
std::span<const Command> prune_commands();    // system, container, image, builder prune
std::span<const Command> cache_commands();    // builder du
std::span<const Command> program_commands();  // registry, daemon: the other programs

// Calls `action` for each of the arguments, prints each name that succeeded and each error;
// exit code 1 when one failed.
Outcome for_each_argument(const Flags& flags,
                          const std::function<Result<std::string>(const std::string&)>& action);

// "/containers/NAME" + rest, with the name encoded.
std::string container_path(std::string_view name, std::string_view rest = "");
std::string image_path(std::string_view name, std::string_view rest = "");
// `--filter key=value` as the API's parameter.
Result<std::string> filters_parameter(const std::vector<std::string>& filters);
// Asks "Are you sure you want to continue? [y/N] " unless `force`.
bool confirmed(const std::string& warning, bool force);
// `invalid argument "VALUE" for "FLAG" flag: REASON`: ends the command as a wrong use of it.
Error bad_flag(std::string_view flag, std::string_view value, std::string_view reason);
// The daemon's answer as the objects of a stream, shown by `printer`.
Result<> show_progress(Session& session, const net::ClientRequest& request,
                       ProgressPrinter& printer);

void print(std::string_view text);        // to standard output
void print_error(std::string_view text);  // to standard error

}  // namespace skiff::cli
