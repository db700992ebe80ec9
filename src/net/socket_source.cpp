#include "net/socket_source.h"

#include <sys/socket.h>

#include <cerrno>

namespace skiff::net {

namespace {

SocketSource& chosen() {
  static SocketSource source;
  return source;
}

}  // namespace

void set_socket_source(SocketSource source) { chosen() = std::move(source); }

Result<UniqueFd> make_internet_socket(int domain, int type, int protocol) {
  if (chosen()) return chosen()(domain, type, protocol);
  UniqueFd fd(::socket(domain, type | SOCK_CLOEXEC, protocol));
  if (!fd) return Error::from_errno(errno, "make a socket");
  return fd;
}

}  // namespace skiff::net
