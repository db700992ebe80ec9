// `--ipc`: whose IPC namespace a container has, and whose /dev/shm with it.
//
// One that is "shareable" has its /dev/shm mounted on the host (ContainerPaths::shm()), and a
// container that joins it has the same there. A "private" one keeps it to itself, and has nobody
// join it.
#pragma once

#include "engine/core.h"
#include "runtime/container_spec.h"

namespace skiff::engine {

// ContainerSpec::shm. Docker's errors where the container that is to be joined does not run, or
// does not share.
Result<std::string> choose_shm(const Core& core, const Container& container);

// What its monitor is to mount for it and for those who join.
std::optional<runtime::SharedMemory> own_shared_memory(const Core& core,
                                                       const Container& container);

}  // namespace skiff::engine
