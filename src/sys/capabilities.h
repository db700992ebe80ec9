// Capabilities: names, sets, and putting them on the calling thread (capabilities(7)).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace skiff::sys {

using CapabilityMask = uint64_t;

// "CAP_CHOWN" to its number; -1 for a name that is none.
int capability_number(std::string_view name);
// All names, by number.
const std::vector<std::string>& capability_names();
// Those the running kernel knows.
CapabilityMask known_capabilities();
std::vector<std::string> names_of(CapabilityMask mask);

struct CapabilitySets {
  CapabilityMask bounding = 0;
  CapabilityMask effective = 0;
  CapabilityMask inheritable = 0;
  CapabilityMask permitted = 0;
  CapabilityMask ambient = 0;
};

// What the calling thread has.
Result<CapabilitySets> current_capabilities();
// Drops from the bounding set all that is not in `mask`.
Result<> limit_bounding_set(CapabilityMask mask);
// Sets effective, inheritable and permitted; the bounding set is left alone.
Result<> set_capabilities(const CapabilitySets& sets);
// Each must be inheritable and permitted.
Result<> set_ambient_capabilities(CapabilityMask mask);

}  // namespace skiff::sys
