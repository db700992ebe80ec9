#include "network/port_hold.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

#include "base/strings.h"

namespace skiff::network {

namespace {

Error bind_error(int err, Ipv4 ip, uint16_t port) {
  const std::string what = cat("Bind for ", ip.str(), ":", port, " failed");
  if (err == EADDRINUSE) {
    return Error(Code::kAlreadyExists, cat(what, ": port is already allocated"));
  }
  if (err == EADDRNOTAVAIL) {
    return Error(Code::kInvalidArgument, cat(what, ": the host has no such address"));
  }
  return Error::from_errno(err, what);
}

}  // namespace

Result<PortHold> PortHold::take(Protocol protocol, Ipv4 host_ip, uint16_t port) {
  const bool tcp = protocol == Protocol::kTcp;
  UniqueFd socket(::socket(AF_INET, (tcp ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC, 0));
  if (!socket) return Error::from_errno(errno, "open a socket to hold a port");
  // For TCP only: passes over connections in TIME_WAIT. For UDP it would share the port.
  const int on = 1;
  if (tcp) ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = host_ip.wire();
  address.sin_port = htons(port);
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  if (::bind(socket.get(), generic, sizeof address) != 0 ||
      (tcp && ::listen(socket.get(), 0) != 0)) {
    return bind_error(errno, host_ip, port);
  }
  socklen_t length = sizeof address;
  if (::getsockname(socket.get(), generic, &length) != 0) {
    return Error::from_errno(errno, "ask for the port of a socket");
  }
  return PortHold(std::move(socket), ntohs(address.sin_port));
}

}  // namespace skiff::network
