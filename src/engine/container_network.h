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

// hostname, hosts and resolv.conf, before the container is made: they are mounted into it. What is
// in them may come later.
Result<> make_network_files(const ContainerPaths& paths);
Result<> write_network_files(Core& core, const Container& container);
// Not without a network, in the host's or in another container's.
bool has_own_endpoint(const ContainerInfo& info);
// What of an endpoint needs no address, ahead of connect_network().
Result<std::unique_ptr<network::VethPair>> make_container_veth(const ContainerInfo& info,
                                                               int netns);
// Wires the network namespace of one that has an endpoint, and completes hosts. `ready` is a pair
// in that namespace, or null.
Result<> connect_network(Core& core, Container& container, int netns, network::VethPair* ready);
void disconnect_network(Core& core, Container& container);

}  // namespace skiff::engine
