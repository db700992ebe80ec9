// Signals, stop and forced end of a container that runs.
#pragma once

#include "engine/core.h"

namespace skiff::engine {

// Sends `signal` until the container's process ends, KILL after `timeout` (negative: never).
// kAlready when it does not run; a pending restart is called off.
Result<Effect> stop_container(Core& core, Container& container, int signal,
                              std::chrono::seconds timeout);
// Sends one signal; for KILL waits for the end.
Result<> kill_container(Core& core, Container& container, int signal);

// "Container ID is not running", as Docker's 409.
Error not_running(const Container& container);

}  // namespace skiff::engine
