// The file system in memory at /dev/shm that a container shares with others.
#pragma once

#include "runtime/monitor_client.h"

namespace skiff::runtime {

// An empty one in place of what is mounted there; who has that keeps it.
Result<> mount_shared_memory(const SharedMemory& wanted);
// Where there is one.
Result<> unmount_shared_memory(const Path& path);

}  // namespace skiff::runtime
