// What is left of a container whose monitor was killed, or has undone a start.
#pragma once

#include "engine/core.h"

namespace skiff::engine {

// Kills what is left in a container's cgroup, and removes it.
void end_orphan(const std::string& cgroup);

// Ends what is left of a container whose monitor is gone, and tells how it ended.
runtime::ExitStatus end_lost(Core& core, const Container& container);

}  // namespace skiff::engine
