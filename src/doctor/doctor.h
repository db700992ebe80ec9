// skiff doctor: what a daemon of the calling user would lack on this machine, and the command that
// supplies each missing piece. It asks no daemon, and leaves nothing behind.
#pragma once

#include <span>

namespace skiff::doctor {

// `arguments` without the program and command: --format json, --root DIR, --help. The exit code: 0
// when all that is needed is there, 1 when something is missing, 2 for wrong arguments.
int run(std::span<char* const> arguments);

}  // namespace skiff::doctor
