// PortHold: proof that a port of the host is ours. A socket bound to it (and, for TCP,
// listening) as long as the hold lives, so that neither another container nor another
// program takes it. Its packets are translated away before they reach the socket.
#pragma once

#include "base/unique_fd.h"
#include "network/ipv4.h"
#include "network/network_manager.h"

namespace skiff::network {

class PortHold {
 public:
  // Port 0 takes a free one. In use: kAlreadyExists, "Bind for 0.0.0.0:80 failed: port is
  // already allocated".
  static Result<PortHold> take(Protocol protocol, Ipv4 host_ip, uint16_t port);

  uint16_t port() const { return port_; }

 private:
  PortHold(UniqueFd socket, uint16_t port) : socket_(std::move(socket)), port_(port) {}
  UniqueFd socket_;
  uint16_t port_;
};

}  // namespace skiff::network
