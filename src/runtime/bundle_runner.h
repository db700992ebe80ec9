// The child's side of run_bundle(): the parent of one container that nobody else knows.
#pragma once

#include "base/unique_fd.h"

namespace skiff::runtime {

// The first argument of a monitor program that runs a bundle.
inline constexpr const char* kRunBundle = "--run-bundle";

// Serves the one caller on `parent`; its hang-up ends the container. Returns the exit code of
// this program. Single-threaded.
int run_bundle_child(UniqueFd parent);

}  // namespace skiff::runtime
