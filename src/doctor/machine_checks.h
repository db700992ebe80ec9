// What every daemon needs of the machine: kernel features, programs.
#pragma once

#include <string_view>

#include "base/file.h"
#include "doctor/finding.h"

namespace skiff::doctor {

void check_kernel(Findings& findings);
// Control groups of a daemon of root.
void check_cgroups(Findings& findings);
void check_programs(Findings& findings);
// Tried: the two storage back ends in `directory`, and packet rules in our network namespace.
void check_storage(const Path& directory, bool rootless, Findings& findings);
void check_packet_rules(Findings& findings);

// The first file of that name in PATH or the system's directories; "" where there is none.
Path find_program(std::string_view name);

}  // namespace skiff::doctor
