// The root of a container that has no mount namespace of its own: it is mounted in the one it
// shares, and is taken off again when the container is removed.
#pragma once

#include <cstdint>

#include "base/file.h"

namespace skiff::runtime {

// A number that no other mount ever has; 0 before Linux 6.8, which has none.
uint64_t mount_number(int mount_fd);
// Detaches what is mounted at `root`, and all below, if it is the mount of this number in the
// caller's namespace. 0: none is.
void detach_root(const Path& root, uint64_t number);

}  // namespace skiff::runtime
