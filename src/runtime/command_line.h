// The command line of skiff-runtime: flags as runc has them, and what every command is given.
#pragma once

#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"
#include "base/result.h"

namespace skiff::runtime {

struct CommandFlag {
  std::string_view name;        // "bundle"
  std::string_view letter;      // "b"; "" for none
  std::string_view value_name;  // "" for a switch
  std::string_view help;        // "": taken, but not shown
};

// The flags and words of one command. Unknown flags are refused by name.
class CommandArguments {
 public:
  // Flags end at the first word when `words_end_flags` (the rest is another program's), or
  // at "--".
  static Result<CommandArguments> parse(std::span<const std::string> arguments,
                                        std::span<const CommandFlag> flags, bool words_end_flags);

  bool has(std::string_view name) const { return values_.contains(std::string(name)); }
  // The last one given; "" for none.
  std::string value(std::string_view name) const;
  std::vector<std::string> values(std::string_view name) const;
  Result<int> number(std::string_view name, int otherwise) const;
  const std::vector<std::string>& words() const { return words_; }

 private:
  std::map<std::string, std::vector<std::string>, std::less<>> values_;
  std::vector<std::string> words_;
};

struct CommandContext {
  Path root;
  bool systemd_cgroup = false;
  std::string criu;  // the program; "" for the one in PATH
  CommandArguments arguments;
  // The container's id, the first word.
  const std::string& id() const { return arguments.words().front(); }
  // Where --bundle is not given, the current directory.
  Path bundle() const {
    const std::string given = arguments.value("bundle");
    return given.empty() ? "." : given;
  }
};

struct Command {
  std::string_view name;
  std::string_view words;  // "<container-id> [signal]"
  std::string_view help;
  std::vector<CommandFlag> flags;
  size_t least_words = 0;
  size_t most_words = 0;  // beyond: refused
  bool words_end_flags = false;
  std::function<Result<int>(const CommandContext&)> run;
};

// One function a file of commands.
std::vector<Command> create_commands();      // create, run
std::vector<Command> exec_commands();        // exec
std::vector<Command> life_commands();        // start, kill, delete, pause, resume
std::vector<Command> inspect_commands();     // state, list, ps
std::vector<Command> resource_commands();    // update, events
std::vector<Command> checkpoint_commands();  // checkpoint, restore
std::vector<Command> host_commands();        // spec, features

// Prints a line, or a JSON document and a newline, to standard output.
void print(std::string_view text);

}  // namespace skiff::runtime
