// Our own program, out of the containers' reach.
#pragma once

#include <span>

#include "base/result.h"

namespace skiff::runtime {

// A container that gets hold of /proc/PID/exe of a process of ours could write to the
// program the host runs next (CVE-2019-5736). So whatever enters containers runs from a
// private read-only mount of it: executes itself anew from there, and does nothing when it
// is there already. `arguments` without argv[0], which becomes `name`.
Result<> run_from_readonly_mount(const char* name, std::span<char* const> arguments);

}  // namespace skiff::runtime
