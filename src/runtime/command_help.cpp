#include "runtime/command_help.h"

#include <algorithm>

#include "base/strings.h"
#include "runtime/seccomp_filter.h"
#include "runtime/spec_version.h"

namespace skiff::runtime {

namespace {

constexpr size_t kCommandColumn = 12;
constexpr size_t kFlagColumn = 32;

std::string padded(std::string text, size_t column) {
  text.resize(std::max(text.size() + 1, column), ' ');
  return text;
}

std::string flag_lines(std::span<const CommandFlag> flags) {
  std::string text;
  for (const CommandFlag& flag : flags) {
    if (flag.help.empty()) continue;
    std::string name = cat("--", flag.name);
    if (!flag.letter.empty()) name += cat(", -", flag.letter);
    if (!flag.value_name.empty()) name += cat(" ", flag.value_name);
    text += cat("   ", padded(std::move(name), kFlagColumn), flag.help, "\n");
  }
  return text;
}

}  // namespace

std::string help_text(std::string_view program, std::span<const Command> commands,
                      std::span<const CommandFlag> global) {
  std::string text =
      cat("NAME:\n   ", program, " - Open Container Initiative runtime\n\nUSAGE:\n   ", program,
          " [global options] command [command options] [arguments...]\n\n", "COMMANDS:\n");
  for (const Command& command : commands) {
    text += cat("   ", padded(std::string(command.name), kCommandColumn), command.help, "\n");
  }
  return cat(text, "\nGLOBAL OPTIONS:\n", flag_lines(global));
}

std::string help_text(std::string_view program, const Command& command) {
  const std::string name = cat(program, " ", command.name);
  std::string text = cat("NAME:\n   ", name, " - ", command.help, "\n\nUSAGE:\n   ", name,
                         " [command options] ", command.words, "\n");
  return command.flags.empty() ? text : cat(text, "\nOPTIONS:\n", flag_lines(command.flags));
}

std::string version_text(std::string_view program, std::string_view commit) {
  return cat(program, " version " SKIFF_VERSION "\ncommit: v" SKIFF_VERSION,
             commit.empty() ? "" : "-g", commit, "\nspec: ", kSpecVersion,
             "\nlibseccomp: ", libseccomp_version());
}

}  // namespace skiff::runtime
