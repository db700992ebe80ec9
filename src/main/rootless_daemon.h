// What an ordinary user's daemon has in place of root's: namespaces of the user's own, the host's
// network through their keeper, and the cgroups that were delegated to the user, if any.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/file.h"
#include "rootless/delegation.h"
#include "rootless/session.h"

namespace skiff {

struct RootlessDaemon {
  std::unique_ptr<rootless::Session> session;
  rootless::Delegation cgroups;
  std::vector<std::string> warnings;  // of what is not as with root's daemon
};

// From here on the process is root of the user's namespaces, and internet sockets are the host's.
// Called while there is one thread. nullptr for a daemon of root, which stays what it is.
Result<std::unique_ptr<RootlessDaemon>> enter_rootless(const Path& run_dir);

}  // namespace skiff
