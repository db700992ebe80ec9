// From the words of the command line to the command that they name, and its help.
#pragma once

#include <span>
#include <string>

#include "cli/session.h"

namespace skiff::cli {

// Runs `skiff WORDS...`; the exit code.
int run_command_line(std::span<const std::string> words);

// All commands, group after group.
std::span<const Command* const> all_commands();
// The command that the first one or two words name, by its name or an alias; nullptr for none.
const Command* find_command(std::string_view words);

// What `skiff COMMAND --help` prints.
std::string command_help(const Command& command);
// What `skiff --help` and `skiff volume --help` print; `group` is "" for the whole program.
std::string group_help(std::string_view group);

}  // namespace skiff::cli
