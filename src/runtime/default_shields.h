// What of /proc and /sys a container does not see, or cannot write, where nobody says otherwise:
// Docker's (moby daemon/pkg/oci/defaults.go).
#pragma once

#include "base/file.h"
#include "codec/json.h"

namespace skiff::runtime {

// Without what this host has not: each processor has a directory of its own below `processors`.
json::Array default_masked_paths(const Path& processors = "/sys/devices/system/cpu");
json::Array default_readonly_paths();

}  // namespace skiff::runtime
