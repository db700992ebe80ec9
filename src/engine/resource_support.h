// Limits that this daemon cannot set, because it was given no cgroups for them: a rootless one on
// version 1, or on version 2 without delegation. As Docker, a container is made without them, and
// its maker is told.
#pragma once

#include <string>
#include <vector>

#include "engine/container_config.h"
#include "engine/engine.h"

namespace skiff::engine {

// Takes the limits out that no cgroup can hold; a sentence for each. kInvalidArgument for --cpus,
// which Docker refuses.
Result<std::vector<std::string>> discard_unsupported(const EngineOptions& options,
                                                     Resources& resources);

}  // namespace skiff::engine
