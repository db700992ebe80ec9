// How the kernel is to run the calling process, which is to become a container's program.
#pragma once

#include "runtime/oci_config.h"

namespace skiff::runtime {

// Scheduler and IO priority; needs the privileges that the program may not have.
Result<> set_scheduling(const OciProcess& process, bool has_cpus);
// Whether the container is confined to some processors.
bool has_cpus(const OciConfig& config);
// A mask of CPUs; an empty one is all that the cgroup permits.
Result<> set_cpu_affinity(const IndexMask& cpus);
// "0x5" of processors 0 and 2.
std::string mask_text(const IndexMask& mask);
// "linux.personality" and "linux.memoryPolicy"; both outlive the execve.
Result<> set_personality(const OciConfig& config);
Result<> set_memory_policy(const OciConfig& config);

}  // namespace skiff::runtime
