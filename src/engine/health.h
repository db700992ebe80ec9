// Health checks: the probe that an image or `--health-cmd` asks for, run in the container at
// an interval for as long as its process lives.
#pragma once

#include "engine/core.h"

namespace skiff::engine {

// Whether the container wants probing; {"NONE"} switches an image's check off.
bool has_health_check(const ContainerInfo& info);

// Probes until this run of the container ends or the engine goes. Sets State.Health and
// publishes "health_status: ..." when the status changes.
void run_health_checks(Core& core, const std::shared_ptr<Container>& container,
                       const Monitor& monitor);

// A probe's result into the state; true when the status changed. In the start period failures
// of a container that was never healthy do not count.
bool note_probe(Health& health, const HealthProbe& probe, int64_t retries, bool in_start_period);

}  // namespace skiff::engine
