#include "runtime/notify_proxy.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "base/strings.h"
#include "sys/process.h"
#include "sys/root_dir.h"
#include "sys/unix_socket.h"

namespace skiff::runtime {

namespace {

constexpr int kBarrierTimeoutMs = 30'000;  // as systemd's own

struct SocketAddress {
  sockaddr_un address{};
  socklen_t size = 0;
};

// "@name" is an abstract one.
Result<SocketAddress> address_of(const std::string& path) {
  SocketAddress made;
  made.address.sun_family = AF_UNIX;
  if (path.size() >= sizeof made.address.sun_path) {
    return Error(Code::kInvalidArgument, cat("the socket's path is too long: ", path));
  }
  std::memcpy(static_cast<char*>(made.address.sun_path), path.data(), path.size());
  if (path.starts_with('@')) made.address.sun_path[0] = '\0';
  made.size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size() +
                                     (path.starts_with('@') ? 0 : 1));
  return made;
}

Result<UniqueFd> datagram_socket() {
  UniqueFd fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!fd) return Error::from_errno(errno, "make a socket");
  return fd;
}

Result<UniqueFd> connect_to(const std::string& path) {
  SocketAddress to = TRY(address_of(path));
  UniqueFd fd = TRY(datagram_socket());
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&to.address), to.size) != 0) {
    return Error::from_errno(errno, cat("connect to NOTIFY_SOCKET ", path));
  }
  return fd;
}

Result<UniqueFd> bind_at(const Path& directory) {
  UniqueFd place = TRY(open_file(directory, O_PATH | O_DIRECTORY));
  ::unlinkat(place.get(), kNotifySocket, 0);
  // By the descriptor: a state directory may have a longer path than a socket.
  std::string path = cat(sys::fd_path(place.get()), "/", kNotifySocket);
  SocketAddress at = TRY(address_of(path));
  UniqueFd fd = TRY(datagram_socket());
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&at.address), at.size) != 0) {
    return Error::from_errno(errno, cat("make ", (directory / kNotifySocket).native()));
  }
  // The container's user may be any.
  if (::chmod(path.c_str(), 0777) != 0) return Error::from_errno(errno, cat("chmod ", path));
  return fd;
}

bool says_ready(std::string_view text) {
  for (const std::string& line : split(text, '\n')) {
    if (line == "READY=1") return true;
  }
  return false;
}

}  // namespace

std::string service_manager() {
  const char* path = ::getenv("NOTIFY_SOCKET");
  return path == nullptr ? "" : path;
}

Result<std::optional<NotifyProxy>> NotifyProxy::open(const Path& directory) {
  std::string manager = service_manager();
  bool wanted = !manager.empty() && ::access(directory.c_str(), F_OK) == 0;
  if (!wanted) return std::optional<NotifyProxy>();
  UniqueFd outside = TRY(connect_to(manager));
  UniqueFd inside = TRY(bind_at(directory));
  return std::optional(NotifyProxy(std::move(inside), std::move(outside)));
}

Result<> NotifyProxy::pass_on(int pidfd, pid_t main) const {
  for (;;) {
    std::array<pollfd, 2> polled = {pollfd{inside_.get(), POLLIN, 0}, pollfd{pidfd, POLLIN, 0}};
    if (::poll(polled.data(), polled.size(), -1) < 0 && errno != EINTR) {
      return Error::from_errno(errno, "poll");
    }
    if (polled[0].revents == 0 && polled[1].revents != 0) return {};
    if (polled[0].revents == 0) continue;
    std::array<char, 4096> text{};
    ssize_t n = ::recv(inside_.get(), text.data(), text.size(), MSG_DONTWAIT);
    if (n > 0 && says_ready({text.data(), static_cast<size_t>(n)})) break;
  }
  TRY(tell("READY=1"));
  TRY(tell(cat("MAINPID=", main)));
  return wait_until_heard();
}

Result<> NotifyProxy::tell(std::string_view text) const {
  if (::send(outside_.get(), text.data(), text.size(), MSG_NOSIGNAL) < 0) {
    return Error::from_errno(errno, "notify the service manager");
  }
  return {};
}

// The manager closes its copy of the pipe's end once it has read all that came before.
Result<> NotifyProxy::wait_until_heard() const {
  sys::Pipe pipe = TRY(sys::make_pipe());
  TRY(sys::send_fd(outside_.get(), pipe.write.get(), "BARRIER=1"));
  pipe.write.reset();
  pollfd polled{pipe.read.get(), 0, 0};
  while (::poll(&polled, 1, kBarrierTimeoutMs) < 0 && errno == EINTR) continue;
  return {};
}

}  // namespace skiff::runtime
