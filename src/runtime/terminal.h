// The terminal of a container's process.
#pragma once

#include "base/unique_fd.h"
#include "runtime/oci_config.h"
#include "sys/root_dir.h"

namespace skiff::runtime {

// Opens one on the devpts in `root`, and sends its master over `console_socket`; returns the
// slave.
Result<UniqueFd> open_terminal(const sys::RootDir& root, const OciProcess& process,
                               int console_socket);
// For the new session's leader: `slave` is its terminal and its descriptors 0, 1 and 2.
Result<> use_terminal(int slave);

}  // namespace skiff::runtime
