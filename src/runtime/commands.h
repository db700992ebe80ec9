// The command line of skiff-runtime: runc's commands and flags over Container.
#pragma once

#include <span>

namespace skiff::runtime {

// `arguments` without argv[0]. Returns the exit code; errors go to standard error and, with
// --log, to that file.
int runtime_main(std::span<char* const> arguments);

}  // namespace skiff::runtime
