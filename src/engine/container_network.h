// A container's network: what it asks of the NetworkManager, and the three files in its
// /etc that tell it who and where it is.
#pragma once

#include "engine/core.h"

namespace skiff::engine {

// The networks of a new container by its NetworkMode; kNotFound for an unknown network.
Result<std::vector<NetworkAttachment>> plan_networks(Core& core, const HostConfig& host,
                                                     const NetworkingConfig& networking);
// The ports to publish. Malformed ones are kInvalidArgument.
Result<std::vector<network::PortBinding>> plan_ports(const ContainerConfig& config,
                                                     const HostConfig& host);

// hostname, hosts and resolv.conf, before the container is made: they are mounted into it.
Result<> write_network_files(Core& core, const Container& container);
// Wires the network namespace of `pid`, and completes hosts. Undone by detach().
Result<> connect_network(Core& core, Container& container, int pid);
void disconnect_network(Core& core, Container& container);

}  // namespace skiff::engine
