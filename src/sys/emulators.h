// Which foreign processors' programs this machine can run: binfmt.h without doing anything for it.
#pragma once

#include <string>

#include "sys/binfmt.h"

namespace skiff::sys {

// Whether find_emulation() would succeed. Changes nothing.
bool can_run(const std::string& architecture, EmulationScope scope);

}  // namespace skiff::sys
