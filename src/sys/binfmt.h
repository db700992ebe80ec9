// Emulation of foreign processors: QEMU's user mode behind the kernel's binfmt_misc. From Linux 6.7
// on each user namespace may have a binfmt_misc of its own, which is gone with it: nobody else's
// programs are touched then.
#pragma once

#include <string>

#include "base/result.h"

namespace skiff::sys {

// Whether this machine's processor runs programs of `architecture` (as OCI names it: "arm64").
bool runs_natively(const std::string& architecture);

enum class EmulationScope {
  kContainer,  // each container that needs it has its own
  kHost,       // the host's binfmt_misc, for all of its programs, and for good
};

// Has programs of `architecture` start. "": there is nothing left to do, since the processor runs
// them or the host's binfmt_misc serves them (with kHost: serves them now, by Debian's
// qemu-user-static). Else the line that is to be written to the "register" of a binfmt_misc in the
// container's user namespace. Thread-safe.
//
// kFailedPrecondition names the program or the kernel's ability that is missing.
Result<std::string> find_emulation(const std::string& architecture, EmulationScope scope);

// Whether find_emulation() would succeed, as far as that can be told without registering: it may
// load the kernel's module, and mounts nothing.
bool can_run(const std::string& architecture, EmulationScope scope);

}  // namespace skiff::sys
