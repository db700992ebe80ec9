#include "api/shared_directories.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>

#include "api/router.h"
#include "base/random.h"
#include "base/scope_exit.h"
#include "base/strings.h"
#include "sys/unix_socket.h"

namespace skiff::api {

namespace {

constexpr size_t kNameDigits = 32;
constexpr int kPatienceMs = 10'000;

// False once the server stops, the peer hangs up, or after a while where `patience` is not -1.
bool wait_for(int socket, short events, const CancelToken& stopped, int patience) {
  std::array<pollfd, 2> waiting{pollfd{socket, events, 0}, pollfd{stopped.fd(), POLLIN, 0}};
  int ready = 0;
  while ((ready = ::poll(waiting.data(), waiting.size(), patience)) < 0 && errno == EINTR) {
  }
  return ready > 0 && waiting[1].revents == 0 && (waiting[0].revents & POLLIN) != 0;
}

// Who may read no more than the daemon would read for him: root, or the daemon's own user.
Result<> check_peer(int socket) {
  ucred peer{};
  socklen_t size = sizeof peer;
  if (::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) {
    return Error::from_errno(errno, "who shares a directory");
  }
  if (peer.uid == 0 || peer.uid == ::geteuid()) return {};
  return Error(Code::kPermissionDenied,
               cat("user ", peer.uid, " may read less than the daemon does: send the context"));
}

// Open for reading: that its owner may search the directory is not enough.
Result<> check_directory(int fd) {
  struct stat st{};
  const int flags = ::fcntl(fd, F_GETFL);
  const bool reads = flags >= 0 && (flags & O_PATH) == 0 && (flags & O_ACCMODE) == O_RDONLY;
  if (reads && ::fstat(fd, &st) == 0 && S_ISDIR(st.st_mode)) return {};
  return Error(Code::kInvalidArgument, "what is shared is no directory opened for reading");
}

Result<std::string> receive(SharedDirectories& directories, int socket,
                            const CancelToken& stopped) {
  TRY(check_peer(socket));
  if (!wait_for(socket, POLLIN, stopped, kPatienceMs)) {
    return Error(Code::kDeadlineExceeded, "no directory came");
  }
  UniqueFd fd = TRY(sys::receive_fd(socket));
  TRY(check_directory(fd.get()));
  return directories.add(std::move(fd));
}

// The connection becomes one that a descriptor is sent over; the answer is a line, the directory's
// name or an error. It is shared for as long as the connection stands.
Result<> share(Call& call) {
  if (!call.request.remote.empty()) {
    return Error(Code::kFailedPrecondition, "a directory is shared over a Unix socket only");
  }
  const CancelToken stopped = call.writer.client_gone();
  auto connection = TRY(
      call.writer.hijack("HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n"));
  SharedDirectories& directories = *call.context.directories;
  const int socket = connection.stream->fd();
  const auto name = receive(directories, socket, stopped);
  if (!name) return connection.stream->write(cat("error: ", name.error().message(), "\n"));
  const ScopeExit forget([&] { directories.remove(*name); });
  TRY(connection.stream->write(cat(*name, "\n")));
  wait_for(socket, POLLIN | POLLRDHUP, stopped, -1);
  return {};
}

constexpr Route kDirectoryRoutes[] = {{"POST", "/skiff/build/directory", share}};

}  // namespace

std::string SharedDirectories::add(UniqueFd directory) {
  std::string name = random_hex(kNameDigits);
  const std::scoped_lock lock(mutex_);
  directories_[name] = std::make_shared<const UniqueFd>(std::move(directory));
  return name;
}

Result<std::shared_ptr<const UniqueFd>> SharedDirectories::find(const std::string& name) const {
  const std::scoped_lock lock(mutex_);
  const auto found = directories_.find(name);
  if (found != directories_.end()) return found->second;
  return Error(Code::kNotFound, "the build's directory is not shared any more");
}

void SharedDirectories::remove(const std::string& name) {
  const std::scoped_lock lock(mutex_);
  directories_.erase(name);
}

std::span<const Route> directory_routes() { return kDirectoryRoutes; }

}  // namespace skiff::api
