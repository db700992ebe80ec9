// What `events` tells of a container's class of cache and memory bandwidth, "intel_rdt".
#pragma once

#include <optional>
#include <string>

#include "codec/json.h"
#include "runtime/resctrl.h"

namespace skiff::runtime {

// In runc's words (types/events.go); empty without "linux.intelRdt", and of what the machine lacks
// nothing is there.
json::Value resctrl_stats(const std::optional<OciIntelRdt>& rdt, const std::string& id,
                          const Path& root = kResctrlRoot);

}  // namespace skiff::runtime
