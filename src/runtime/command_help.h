// What skiff-runtime says of itself: --help and --version, laid out as runc lays them out, for who
// reads them by program. It goes by the name that it was called by: "runc", where it stands in
// runc's place.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "runtime/command_line.h"

namespace skiff::runtime {

std::string help_text(std::string_view program, std::span<const Command> commands,
                      std::span<const CommandFlag> global);
std::string help_text(std::string_view program, const Command& command);
// `commit` may be "".
std::string version_text(std::string_view program, std::string_view commit);

}  // namespace skiff::runtime
