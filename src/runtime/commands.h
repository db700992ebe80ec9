// The command line of skiff-runtime: runc's commands and flags over Container.
#pragma once

#include <span>
#include <string_view>

namespace skiff::runtime {

// `program` is the name we were called by, `arguments` what follows it, `commit` what --version
// tells of the build. Returns the exit code; errors go to standard error and, with --log, to that
// file.
int runtime_main(const char* program, std::span<char* const> arguments, std::string_view commit);

}  // namespace skiff::runtime
