#include "cli/command_groups.h"

#include <algorithm>
#include <array>

#include "base/strings.h"
#include "cli/dispatch.h"

namespace skiff::cli {

namespace {

struct Group {
  std::string_view name;
  std::string_view summary;
};

constexpr std::array kGroups = {
    Group{"builder", "Manage builds"},
    Group{"container", "Manage containers"},
    Group{"image", "Manage images"},
    Group{"imagetools", "Work on images in registries"},
    Group{"manifest", "Manage image manifests and manifest lists"},
    Group{"network", "Manage networks"},
    Group{"system", "Manage the engine"},
    Group{"volume", "Manage volumes"},
};

// What most people want first, in this order.
constexpr std::array kCommon = {"run",    "exec",  "ps",     "build",  "pull",    "push",
                                "images", "login", "logout", "search", "version", "info"};

struct Line {
  std::string name;
  std::string_view summary;
  bool operator<(const Line& other) const { return name < other.name; }
};

std::string list_lines(std::vector<Line> lines) {
  size_t width = 0;
  for (const Line& line : lines) width = std::max(width, line.name.size());
  std::string out;
  for (Line& line : lines) {
    line.name.resize(width + 2, ' ');
    out += cat("  ", line.name, line.summary, "\n");
  }
  return out;
}

// The one name that `group`'s help shows for the command: its first there; "" for none.
std::string name_in(const Command& command, std::string_view group) {
  std::vector<std::string> names = split(command.aliases, ',');
  names.insert(names.begin(), std::string(command.name));
  for (const auto& name : names) {
    auto words = split_once(name, ' ');
    if (group.empty() ? !words : words && words->first == group) {
      return std::string(group.empty() ? std::string_view(name) : words->second);
    }
  }
  return "";
}

std::vector<Line> lines_of(std::string_view group) {
  std::vector<Line> lines;
  for (const Command* command : all_commands()) {
    if (auto name = name_in(*command, group); !name.empty()) {
      lines.push_back({name, command->summary});
    }
  }
  std::sort(lines.begin(), lines.end());
  return lines;
}

std::string program_help() {
  std::vector<Line> common;
  for (const char* name : kCommon) common.push_back({name, find_command(name)->summary});
  std::vector<Line> groups;
  for (const Group& group : kGroups) groups.push_back({std::string(group.name), group.summary});
  std::vector<Line> others = lines_of("");
  std::erase_if(others, [](const Line& line) {
    return std::find(kCommon.begin(), kCommon.end(), line.name) != kCommon.end();
  });
  return cat("Usage:  skiff [OPTIONS] COMMAND\n\nContainers, images and registries\n\n",
             "Common Commands:\n", list_lines(common), "\nManagement Commands:\n",
             list_lines(groups), "\nCommands:\n", list_lines(others), "\nGlobal Options:\n",
             global_flag_help(),
             "\nRun 'skiff COMMAND --help' for more information on a command.\n");
}

std::vector<const Command*> gather() {
  std::vector<const Command*> out;
  for (auto group :
       {run_commands(), container_commands(), list_commands(), stream_commands(), copy_commands(),
        image_commands(), login_commands(), build_commands(), manifest_commands(),
        imagetools_commands(), volume_commands(), network_commands(), system_commands(),
        check_commands(), prune_commands(), cache_commands(), program_commands()}) {
    for (const Command& command : group) out.push_back(&command);
  }
  return out;
}

bool has_alias(const Command& command, std::string_view name) {
  std::string_view rest = command.aliases;
  while (!rest.empty()) {
    size_t comma = std::min(rest.find(','), rest.size());
    if (rest.substr(0, comma) == name) return true;
    rest.remove_prefix(std::min(comma + 1, rest.size()));
  }
  return false;
}

}  // namespace

std::span<const Command* const> all_commands() {
  static const std::vector<const Command*> kAll = gather();
  return kAll;
}

const Command* find_command(std::string_view words) {
  for (const Command* command : all_commands()) {
    if (command->name == words || has_alias(*command, words)) return command;
  }
  return nullptr;
}

bool is_group(std::string_view word) {
  return std::any_of(kGroups.begin(), kGroups.end(),
                     [&](const Group& group) { return group.name == word; });
}

std::string group_help(std::string_view group) {
  if (group.empty()) return program_help();
  auto found = std::find_if(kGroups.begin(), kGroups.end(),
                            [&](const Group& candidate) { return candidate.name == group; });
  return cat("Usage:  skiff ", group, " COMMAND\n\n", found->summary, "\n\nCommands:\n",
             list_lines(lines_of(group)), "\nRun 'skiff ", group,
             " COMMAND --help' for more information on a command.\n");
}

}  // namespace skiff::cli
