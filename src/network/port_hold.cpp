#include "network/port_hold.h"

#include <cerrno>

#include "base/strings.h"

namespace skiff::network {

namespace {

Error bind_error(const Error& error, const HostPort& port) {
  const std::string what = cat("Bind for ", port.ip.str(), ":", port.number, " failed");
  if (error.sys_errno() == EADDRINUSE) {
    return Error(Code::kAlreadyExists, cat(what, ": port is already allocated"));
  }
  if (error.sys_errno() == EADDRNOTAVAIL) {
    return Error(Code::kInvalidArgument, cat(what, ": the host has no such address"));
  }
  if (error.sys_errno() == EACCES) {
    return Error(Code::kPermissionDenied,
                 cat(what,
                     ": an ordinary user may not take it: choose one from 1024 on, or sudo sysctl "
                     "net.ipv4.ip_unprivileged_port_start=",
                     port.number));
  }
  return Error(error).with_context(what);
}

}  // namespace

Result<PortHold> PortHold::take(HostPorts& ports, HostPort port) {
  const Result<uint16_t> taken = ports.take(port);
  if (!taken) return bind_error(taken.error(), port);
  port.number = *taken;
  return PortHold(ports, port);
}

}  // namespace skiff::network
