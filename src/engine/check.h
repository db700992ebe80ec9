// Check: compares containers with the snapshots that hold their files.
#pragma once

#include "base/problem.h"
#include "engine/core.h"

namespace skiff::engine {

// Tells each problem, while others work; returns how many containers there are. Repair removes
// what a container that is gone has left. Snapshots of build steps are none of its business.
Result<size_t> check_containers(Core& core, const CheckOptions& options, const ProblemSink& report);

}  // namespace skiff::engine
