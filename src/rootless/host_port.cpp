#include "rootless/host_port.h"

#include <arpa/inet.h>
#include <sys/socket.h>

#include <cerrno>

#include "base/strings.h"

namespace skiff::rootless {

Result<HostPort> HostPort::parse(std::string_view protocol, std::string_view address,
                                 std::string_view number) {
  HostPort port{.tcp = protocol == "tcp", .address = std::string(address)};
  const auto parsed = parse_uint(number);
  if ((!port.tcp && protocol != "udp") || !parsed || *parsed > UINT16_MAX) {
    return Error(Code::kInvalidArgument, cat(protocol, " ", address, " ", number, " is no port"));
  }
  port.number = static_cast<uint16_t>(*parsed);
  return port;
}

std::string HostPort::str() const { return cat(tcp ? "tcp " : "udp ", address, " ", number); }

Result<sockaddr_in> socket_address(const std::string& address, uint16_t number) {
  sockaddr_in out{};
  out.sin_family = AF_INET;
  out.sin_port = htons(number);
  if (::inet_pton(AF_INET, address.c_str(), &out.sin_addr) != 1) {
    return Error(Code::kInvalidArgument, cat(quoted(address), " is no IPv4 address"));
  }
  return out;
}

Result<BoundPort> bind_port(const HostPort& port) {
  sockaddr_in address = TRY(socket_address(port.address, port.number));
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  const int type = port.tcp ? SOCK_STREAM : SOCK_DGRAM;
  BoundPort bound;
  bound.socket.reset(::socket(AF_INET, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!bound.socket) return Error::from_errno(errno, "open a socket");
  // For TCP only: passes over connections in TIME_WAIT. For UDP it would share the port.
  const int on = 1;
  if (port.tcp) ::setsockopt(bound.socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (::bind(bound.socket.get(), generic, sizeof address) != 0 ||
      (port.tcp && ::listen(bound.socket.get(), SOMAXCONN) != 0)) {
    return Error::from_errno(errno, cat("bind ", port.str()));
  }
  socklen_t length = sizeof address;
  if (::getsockname(bound.socket.get(), generic, &length) != 0) {
    return Error::from_errno(errno, "ask for the port of a socket");
  }
  bound.number = ntohs(address.sin_port);
  return bound;
}

}  // namespace skiff::rootless
