// Hooks: programs that the config names for points of a container's life (OCI runtime-spec
// config.md, POSIX-platform Hooks).
#pragma once

#include <string>
#include <vector>

#include "runtime/oci_config.h"

namespace skiff::runtime {

// Runs them in order, each with `state` (the container's, as JSON) on its standard input; the
// first that fails or takes too long ends the run. Single-threaded callers only.
Result<> run_hooks(const std::vector<OciHook>& hooks, std::string_view kind,
                   const std::string& state);
// The same for a container that has ended: each failure is a warning and stops nothing.
void run_all_hooks(const std::vector<OciHook>& hooks, std::string_view kind,
                   const std::string& state);

}  // namespace skiff::runtime
