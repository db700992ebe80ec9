// PortHold: proof that a port of the host is ours, as long as the hold lives or after it was left
// to a later daemon.
#pragma once

#include <utility>

#include "network/host_ports.h"

namespace skiff::network {

class PortHold {
 public:
  // Port 0 takes a free one. In use: kAlreadyExists, "Bind for 0.0.0.0:80 failed: port is
  // already allocated".
  static Result<PortHold> take(HostPorts& ports, HostPort port);

  PortHold(PortHold&& other) noexcept
      : ports_(std::exchange(other.ports_, nullptr)), port_(other.port_) {}
  PortHold& operator=(PortHold&& other) noexcept {
    std::swap(ports_, other.ports_);
    std::swap(port_, other.port_);
    return *this;
  }
  PortHold(const PortHold&) = delete;
  PortHold& operator=(const PortHold&) = delete;
  ~PortHold() {
    if (ports_ != nullptr) ports_->drop(port_);
  }

  uint16_t port() const { return port_.number; }
  // The container goes on while the daemon does not.
  void leave() { ports_ = nullptr; }

 private:
  PortHold(HostPorts& ports, HostPort port) : ports_(&ports), port_(port) {}
  HostPorts* ports_;
  HostPort port_;
};

}  // namespace skiff::network
