// Limits of memory and processors: whether they make sense. See cpuset.h for the processors' names.
#pragma once

#include "base/result.h"
#include "engine/container_config.h"

namespace skiff::engine {

// Refuses what cannot work, in Docker's words; fills in what follows from other fields.
Result<> check_resources(Resources& resources);

}  // namespace skiff::engine
