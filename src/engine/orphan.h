// What a killed monitor leaves behind: a container process without a parent of ours.
#pragma once

#include <string>

namespace skiff::engine {

// Kills every process in the container's cgroups and removes the cgroups.
void end_orphan(const std::string& cgroup);

}  // namespace skiff::engine
