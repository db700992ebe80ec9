// HostPorts: the ports of the host that containers publish, as far as they are sockets of it.
//
// A daemon in the host's network namespace holds them, so that no other program takes them; their
// packets are translated away before they reach a socket (HeldPorts). A rootless one has them
// bound, and their connections carried to the container, by a process on the host's side.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <tuple>

#include "base/unique_fd.h"
#include "network/ipv4.h"
#include "network/network_manager.h"

namespace skiff::network {

struct HostPort {
  Protocol protocol = Protocol::kTcp;
  Ipv4 ip;
  uint16_t number = 0;
  auto operator<=>(const HostPort&) const = default;
};

// Thread-safe.
class HostPorts {
 public:
  virtual ~HostPorts() = default;
  // Bound, under the number that is returned: a free one for 0. Errors have bind(2)'s errno. What
  // an earlier daemon left is taken over.
  virtual Result<uint16_t> take(const HostPort& port) = 0;
  // What comes to it goes to the container's port, where packets alone do not get there.
  virtual Result<> lead(const HostPort& port, Ipv4 ip, uint16_t number) = 0;
  virtual void drop(const HostPort& port) = 0;
  // Frees what an earlier daemon left and nobody took over.
  virtual Result<> settle() = 0;
};

std::unique_ptr<HostPorts> make_held_ports();

}  // namespace skiff::network
