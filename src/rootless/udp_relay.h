// The UDP part of PortRelay.
#pragma once

#include "rootless/port_relay.h"

namespace skiff::rootless {

std::unique_ptr<Relayed> make_udp_port(PortRelay& relay, UniqueFd socket,
                                       const sockaddr_in& target);

}  // namespace skiff::rootless
