// The small init of kInitAnnotation: pid 1 of the container, which forwards signals to the
// container's program, its child, and reaps whatever ends.
#pragma once

#include <functional>

#include "base/result.h"

namespace skiff::runtime {

// Forks. In the child `program` runs (and does not return from a successful execve); the
// parent, after `as_parent`, stays until the child has ended. Returns the exit code.
int run_small_init(const std::function<int()>& program, const std::function<void()>& as_parent);

}  // namespace skiff::runtime
