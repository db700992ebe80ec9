// Health checks: what an image or `--health-cmd` asks for, and what the container's monitor, which
// probes, has found.
#pragma once

#include "engine/core.h"

namespace skiff::engine {

// What the monitor is to probe with; none where there is no check, or {"NONE"} switches it off.
std::optional<runtime::HealthCheck> health_check_of(const ContainerInfo& info);

// Takes over what the monitor has found: State.Health, and the event "health_status: ..." when the
// status is another.
void note_health(Core& core, Container& container);

}  // namespace skiff::engine
