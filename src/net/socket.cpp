// Connecting and listening sockets.
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cerrno>
#include <cstring>

#include "base/scope_exit.h"
#include "base/strings.h"
#include "net/listen_check.h"
#include "net/socket_source.h"
#include "net/stream.h"

namespace skiff::net {

namespace {

constexpr int kBacklog = 1024;

Result<sockaddr_un> unix_address(const Path& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.native().size() >= sizeof address.sun_path) {
    return Error(Code::kInvalidArgument, cat("socket path ", path.native(), " is longer than ",
                                             sizeof address.sun_path - 1, " bytes"));
  }
  std::memcpy(address.sun_path, path.c_str(), path.native().size() + 1);
  return address;
}

Result<UniqueFd> new_socket(int family) {
  if (family != AF_UNIX) return make_internet_socket(family, SOCK_STREAM, 0);
  UniqueFd fd(::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd) return Error::from_errno(errno, "make a socket");
  return fd;
}

struct FreeAddresses {
  void operator()(addrinfo* list) const { ::freeaddrinfo(list); }
};
using Addresses = std::unique_ptr<addrinfo, FreeAddresses>;

Result<Addresses> resolve(const std::string& host, const std::string& port, int flags) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = flags;
  addrinfo* list = nullptr;
  int rc = ::getaddrinfo(host.empty() ? nullptr : host.c_str(), port.c_str(), &hints, &list);
  if (rc != 0) {
    return Error(rc == EAI_AGAIN ? Code::kUnavailable : Code::kNotFound,
                 cat("look up ", host, ":", port, ": ", ::gai_strerror(rc)));
  }
  return Addresses(list);
}

void set_option(int fd, int level, int option) {
  const int on = 1;
  ::setsockopt(fd, level, option, &on, sizeof on);
}

// Connects; a call that a signal interrupted goes on in the background and is awaited.
int connect_fully(int fd, const sockaddr* address, socklen_t size) {
  if (::connect(fd, address, size) == 0) return 0;
  if (errno != EINTR) return errno;
  pollfd wait{.fd = fd, .events = POLLOUT, .revents = 0};
  while (::poll(&wait, 1, -1) < 0 && errno == EINTR) {
  }
  int error = 0;
  socklen_t error_size = sizeof error;
  ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &error_size);
  return error;
}

// What is at `path` is a socket file that nobody serves any more.
Result<> check_stale(const Path& path) {
  struct stat st{};
  if (::lstat(path.c_str(), &st) == 0 && !S_ISSOCK(st.st_mode)) {
    return Error(Code::kAlreadyExists, cat("listen on ", path.native(), ": a file is there"));
  }
  Result<UniqueFd> peer = connect_unix(path);
  if (!peer && peer.error().sys_errno() == ECONNREFUSED) return {};
  return Error(Code::kAlreadyExists,
               cat("listen on ", path.native(), ": another process serves it"));
}

// Binds to `path`; a stale socket file is replaced.
Result<> bind_unix(int fd, const Path& path, const sockaddr_un& address) {
  const auto* raw = reinterpret_cast<const sockaddr*>(&address);
  if (::bind(fd, raw, sizeof address) == 0) return {};
  if (errno != EADDRINUSE) return Error::from_errno(errno, cat("bind ", path.native()));
  TRY(check_stale(path));
  if (::unlink(path.c_str()) != 0) return Error::from_errno(errno, cat("unlink ", path.native()));
  if (::bind(fd, raw, sizeof address) == 0) return {};
  return Error::from_errno(errno, cat("bind ", path.native()));
}

Result<UniqueFd> listen_one(const addrinfo& info) {
  UniqueFd fd = TRY(new_socket(info.ai_family));
  set_option(fd.get(), SOL_SOCKET, SO_REUSEADDR);
  if (::bind(fd.get(), info.ai_addr, info.ai_addrlen) != 0) return Error::from_errno(errno, "bind");
  if (::listen(fd.get(), kBacklog) != 0) return Error::from_errno(errno, "listen");
  return fd;
}

}  // namespace

Result<UniqueFd> connect_unix(const Path& path) {
  sockaddr_un address = TRY(unix_address(path));
  UniqueFd fd = TRY(new_socket(AF_UNIX));
  int error = connect_fully(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
  if (error != 0) return Error::from_errno(error, cat("connect to ", path.native()));
  return fd;
}

Result<UniqueFd> connect_tcp(const std::string& host, uint16_t port) {
  Addresses list = TRY(resolve(host, cat(port), 0));
  int error = EHOSTUNREACH;
  for (const addrinfo* info = list.get(); info != nullptr; info = info->ai_next) {
    UniqueFd fd = TRY(new_socket(info->ai_family));
    error = connect_fully(fd.get(), info->ai_addr, info->ai_addrlen);
    if (error != 0) continue;
    set_option(fd.get(), IPPROTO_TCP, TCP_NODELAY);
    set_option(fd.get(), SOL_SOCKET, SO_KEEPALIVE);
    return fd;
  }
  return Error::from_errno(error, cat("connect to ", host, ":", port));
}

Result<UniqueFd> listen_unix(const Path& path, mode_t mode) {
  sockaddr_un address = TRY(unix_address(path));
  UniqueFd fd = TRY(new_socket(AF_UNIX));
  // fchmod on the socket before bind sets the mode that the file is born with (unix(7)).
  if (::fchmod(fd.get(), mode) != 0) return Error::from_errno(errno, "set the socket's mode");
  TRY(bind_unix(fd.get(), path, address));
  if (::chmod(path.c_str(), mode) != 0 || ::listen(fd.get(), kBacklog) != 0) {
    return Error::from_errno(errno, cat("listen on ", path.native()));
  }
  return fd;
}

Result<> check_listen_unix(const Path& path) {
  TRY(unix_address(path));
  struct stat st{};
  if (::lstat(path.c_str(), &st) == 0) {
    TRY(check_stale(path));
  } else if (errno != ENOENT) {
    return Error::from_errno(errno, cat("bind ", path.native()));
  }
  const Path directory = path.has_parent_path() ? path.parent_path() : Path(".");
  if (::faccessat(AT_FDCWD, directory.c_str(), W_OK | X_OK, AT_EACCESS) == 0) return {};
  return Error::from_errno(errno, cat("bind ", path.native()));
}

Result<UniqueFd> listen_tcp(const std::string& address) {
  auto parts = split_last(address, ':');
  if (!parts || !parse_uint(parts->second) || *parse_uint(parts->second) > 65535) {
    return Error(Code::kInvalidArgument,
                 cat("listen on ", skiff::quoted(address), ": not of the form HOST:PORT"));
  }
  std::string_view host = parts->first;
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  Addresses list =
      TRY(resolve(std::string(host), std::string(parts->second), AI_PASSIVE | AI_NUMERICSERV));
  // Without a host one IPv6 socket serves both families, where the machine has IPv6.
  const addrinfo* chosen = list.get();
  for (const addrinfo* i = list.get(); host.empty() && i != nullptr; i = i->ai_next) {
    if (i->ai_family == AF_INET6) chosen = i;
  }
  Result<UniqueFd> fd = listen_one(*chosen);
  if (!fd && chosen != list.get()) fd = listen_one(*list);
  return std::move(fd).context(cat("listen on ", address));
}

Result<uint16_t> local_port(int socket) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  if (::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    return Error::from_errno(errno, "read the socket's address");
  }
  if (address.ss_family == AF_INET) {
    return ntohs(reinterpret_cast<const sockaddr_in*>(&address)->sin_port);
  }
  if (address.ss_family == AF_INET6) {
    return ntohs(reinterpret_cast<const sockaddr_in6*>(&address)->sin6_port);
  }
  return Error(Code::kInvalidArgument, "the socket has no port");
}

}  // namespace skiff::net
