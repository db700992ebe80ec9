#include "network/host_ports.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>

#include "base/strings.h"

namespace skiff::network {

namespace {

// Sockets bound to the ports (and, for TCP, listening).
class HeldPorts : public HostPorts {
 public:
  Result<uint16_t> take(const HostPort& port) override;
  Result<> lead(const HostPort& /*port*/, Ipv4 /*ip*/, uint16_t /*number*/) override { return {}; }
  void drop(const HostPort& port) override {
    const std::lock_guard lock(mutex_);
    held_.erase(port);
  }
  Result<> settle() override { return {}; }

 private:
  std::mutex mutex_;
  std::map<HostPort, UniqueFd> held_;
};

Result<uint16_t> HeldPorts::take(const HostPort& port) {
  const bool tcp = port.protocol == Protocol::kTcp;
  UniqueFd socket(::socket(AF_INET, (tcp ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC, 0));
  if (!socket) return Error::from_errno(errno, "open a socket to hold a port");
  // For TCP only: passes over connections in TIME_WAIT. For UDP it would share the port.
  const int on = 1;
  if (tcp) ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = port.ip.wire();
  address.sin_port = htons(port.number);
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  if (::bind(socket.get(), generic, sizeof address) != 0 ||
      (tcp && ::listen(socket.get(), 0) != 0)) {
    return Error::from_errno(errno, "bind");
  }
  socklen_t length = sizeof address;
  if (::getsockname(socket.get(), generic, &length) != 0) {
    return Error::from_errno(errno, "ask for the port of a socket");
  }
  const uint16_t number = ntohs(address.sin_port);
  const std::lock_guard lock(mutex_);
  held_[{port.protocol, port.ip, number}] = std::move(socket);
  return number;
}

}  // namespace

std::unique_ptr<HostPorts> make_held_ports() { return std::make_unique<HeldPorts>(); }

}  // namespace skiff::network
