// What is left of a container whose monitor was killed, or has undone a start.
#pragma once

#include "engine/core.h"

namespace skiff::engine {

// Kills every process in the container's cgroups and removes the cgroups; of a container without
// cgroups its first process, which takes the others with it.
void end_orphan(Core& core, const Container& container);

// Ends what is left of a container whose monitor is gone, and tells how it ended.
runtime::ExitStatus end_lost(Core& core, const Container& container);

}  // namespace skiff::engine
