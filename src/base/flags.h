// Flags of the server programs: `--name VALUE`, `--name=VALUE` and switches, from a table
// that also prints the help.
//
//   std::string root = "/var/lib/x"; bool help = false;
//   const Flag flags[] = {{"root", "DIR", "where the data lives", &root}, {"help", "", "this text",
//   nullptr, &help}}; TRY(parse_flags(arguments, flags));
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace skiff {

struct Flag {
  std::string_view name;        // without dashes
  std::string_view value_name;  // "" for a switch
  std::string_view help;
  std::string* value = nullptr;                // of a flag with a value
  bool* given = nullptr;                       // of a switch
  std::vector<std::string>* values = nullptr;  // of a flag that may be given several times
};

// Refuses unknown flags, missing and empty values and words that are no flags, each by name.
// With `words`, those go there instead.
Result<> parse_flags(std::span<char* const> arguments, std::span<const Flag> flags,
                     std::vector<std::string>* words = nullptr);
// One line a flag, aligned, with the defaults that the values hold now.
std::string flags_help(std::span<const Flag> flags);

}  // namespace skiff
