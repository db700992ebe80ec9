// Emulation of foreign processors: QEMU's user mode behind the kernel's binfmt_misc.
#pragma once

#include <string>

#include "base/result.h"

namespace skiff::sys {

// Makes programs of `architecture` (as OCI names it: "arm64", "arm") start on this machine,
// also inside containers: mounts binfmt_misc and registers Debian's qemu-user-static where
// nothing serves that architecture yet. Nothing to do for what the processor runs itself.
// Idempotent and thread-safe. The registration stays: other instances may use it.
//
// kFailedPrecondition names the program or kernel option that is missing.
Result<> ensure_emulation(const std::string& architecture);

}  // namespace skiff::sys
