// One StatsSample of a container, from its cgroups and its network devices.
#pragma once

#include "engine/core.h"

namespace skiff::engine {

Result<StatsSample> read_stats(Core& core, const Container& container);

}  // namespace skiff::engine
