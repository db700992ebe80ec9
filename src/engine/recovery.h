// Recovery: what open_engine() does with the containers of an earlier daemon, which may have
// ended at any moment, by kill -9 too, and with the machine.
//
//   TRY(load_containers(core));             // rows -> table
//   recover_containers(core, supervisor, execs);   // running ones found again, ended ones recorded
//   TRY(sweep_leftovers(core));             // what belongs to no container
//   resume_containers(core, supervisor);    // restart policies, --rm
//
// What was running is found by its monitor's socket; where the monitor is gone, the exit file
// tells how the container ended, and where there is none, what is left of it is ended now.
#pragma once

#include "engine/core.h"
#include "engine/exec.h"
#include "engine/supervisor.h"

namespace skiff::engine {

Result<> load_containers(Core& core);
// Failures of one container are logged and do not keep the engine from opening.
void recover_containers(Core& core, Supervisor& supervisor, ExecTable& execs);
Result<> sweep_leftovers(Core& core);
// Starts and removals go on in core.tasks.
void resume_containers(Core& core, Supervisor& supervisor);

}  // namespace skiff::engine
