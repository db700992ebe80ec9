// The host's ports of a rootless daemon: bound and led by the keeper of its namespaces.
#pragma once

#include <memory>

#include "network/host_ports.h"
#include "rootless/session.h"

namespace skiff {

// `session` outlives it.
std::shared_ptr<network::HostPorts> make_rootless_ports(rootless::Session& session);

}  // namespace skiff
