// The platforms whose programs steps of a build can be: what clients show of a builder.
#pragma once

#include <vector>

#include "oci/platform.h"
#include "sys/binfmt.h"

namespace skiff::buildkit {

// The machine's own first, then what else its processor runs, then what QEMU does. Asked anew each
// time: an emulator may have been installed since.
std::vector<oci::Platform> worker_platforms(sys::EmulationScope emulation);

}  // namespace skiff::buildkit
