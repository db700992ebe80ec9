// Signals, stop and forced end of a container that runs.
#pragma once

#include "engine/core.h"

namespace skiff::engine {

struct StopOrder {
  int signal = 15;
  std::chrono::seconds timeout{10};  // before KILL; negative: never
  bool by_hand = true;  // else the daemon goes, and its restart policy holds for the next one
};

// Has the container's process ended, which goes on also if this daemon dies, and waits for it.
// kAlready when it does not run; a pending restart is called off.
Result<Effect> stop_container(Core& core, Container& container, const StopOrder& order);
// Sends one signal; for KILL waits for the end.
Result<> kill_container(Core& core, Container& container, int signal);

// "Container ID is not running", as Docker's 409.
Error not_running(const Container& container);
// Whether there is a process to look at or to join: not, too, between two runs.
Result<> check_has_process(const Container& container);

}  // namespace skiff::engine
