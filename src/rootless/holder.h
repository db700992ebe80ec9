// The holder: first process of the rootless namespaces, which live as long as it does. It prepares
// them, then carries the connections of published ports into them (PortRelay).
#pragma once

#include "base/file.h"
#include "base/unique_fd.h"

namespace skiff::rootless {

struct HolderOptions {
  std::string nameserver;  // what the namespaces' resolv.conf names; "" leaves the host's
  Path resolv_conf;        // where that file is made
};

// What the new process runs, born into user, mount and network namespaces. `keeper` is its socket
// to who made it: it waits there for a packet that says that its ids are mapped, answers it once
// all is prepared, and then serves "lead" and "drop" until the keeper has gone.
int run_holder(const HolderOptions& options, UniqueFd keeper);

}  // namespace skiff::rootless
