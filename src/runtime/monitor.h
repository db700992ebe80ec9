// The monitor's program: parent of one container (monitor_client.h tells what it does for
// whom, and the protocol on its socket).
#pragma once

#include <span>

namespace skiff::runtime {

// `skiff-runtime` started under the name skiff-monitor; `arguments` without argv[0]. Returns
// the exit code. Single-threaded.
int monitor_main(std::span<char* const> arguments);

}  // namespace skiff::runtime
