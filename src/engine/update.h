// `docker update`: other limits and another restart policy for a container that may run.
#pragma once

#include "engine/core.h"

namespace skiff::engine {

// Takes container.operate(). What the kernel refuses changes nothing.
Result<> update_container(Core& core, Container& container, const UpdateRequest& request);

// `current` with what `wanted` sets (zero and "" set nothing), checked.
Result<Resources> merge_resources(const Resources& current, const Resources& wanted);

}  // namespace skiff::engine
