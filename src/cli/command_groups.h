// The words that stand before a command ("volume" in "volume ls"), and the lists of commands.
#pragma once

#include <string>
#include <string_view>

namespace skiff::cli {

// Whether `word` opens two-word commands.
bool is_group(std::string_view word);
// The global options as the help shows them.
std::string global_flag_help();

}  // namespace skiff::cli
