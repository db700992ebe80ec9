// The capabilities that a container has where nobody says otherwise: Docker's.
#pragma once

#include "sys/capabilities.h"

namespace skiff::runtime {

sys::CapabilityMask default_capabilities();

}  // namespace skiff::runtime
