#include "sys/unix_socket.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "base/strings.h"
#include "sys/root_dir.h"

namespace skiff::sys {

namespace {

struct Address {
  UniqueFd directory;
  sockaddr_un name{};
};

// The address goes through the open directory, whose path may be long.
Result<Address> address_of(const Path& path) {
  Address address;
  Path directory = path.has_parent_path() ? path.parent_path() : Path(".");
  address.directory = TRY(open_file(directory, O_PATH | O_DIRECTORY));
  std::string text = cat(fd_path(address.directory.get()), "/", path.filename().native());
  if (text.size() >= sizeof address.name.sun_path) {
    return Error::from_errno(ENAMETOOLONG, cat("socket ", path.native()));
  }
  address.name.sun_family = AF_UNIX;
  std::memcpy(address.name.sun_path, text.c_str(), text.size() + 1);
  return address;
}

Result<UniqueFd> new_socket(int type) {
  UniqueFd fd(::socket(AF_UNIX, type | SOCK_CLOEXEC, 0));
  if (!fd) return Error::from_errno(errno, "make a socket");
  return fd;
}

const sockaddr* as_sockaddr(const sockaddr_un& name) {
  return reinterpret_cast<const sockaddr*>(&name);
}

// The control part of a message with one descriptor.
union OneFd {
  cmsghdr header;
  std::array<char, CMSG_SPACE(sizeof(int))> bytes;
};

}  // namespace

Result<UniqueFd> listen_unix(const Path& path, int backlog, int type) {
  Address address = TRY(address_of(path));
  UniqueFd fd = TRY(new_socket(type));
  ::unlink(path.c_str());
  // The mode is on the socket before it has a name, so that nobody can be quicker.
  if (::fchmod(fd.get(), 0600) != 0 ||
      ::bind(fd.get(), as_sockaddr(address.name), sizeof address.name) != 0 ||
      ::listen(fd.get(), backlog) != 0) {
    return Error::from_errno(errno, cat("listen at ", path.native()));
  }
  return fd;
}

Result<UniqueFd> connect_unix(const Path& path, int type) {
  Address address = TRY(address_of(path));
  UniqueFd fd = TRY(new_socket(type));
  while (::connect(fd.get(), as_sockaddr(address.name), sizeof address.name) != 0) {
    if (errno != EINTR) return Error::from_errno(errno, cat("connect to ", path.native()));
  }
  return fd;
}

Result<std::pair<UniqueFd, UniqueFd>> socket_pair(int type) {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, ends.data()) != 0) {
    return Error::from_errno(errno, "make a socket pair");
  }
  return std::pair(UniqueFd(ends[0]), UniqueFd(ends[1]));
}

Result<> send_fd(int socket, int fd, std::string_view text) {
  iovec part{const_cast<char*>(text.data()), text.size()};
  OneFd control{};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = &control;
  message.msg_controllen = sizeof control;
  cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof fd);
  std::memcpy(CMSG_DATA(header), &fd, sizeof fd);
  while (::sendmsg(socket, &message, MSG_NOSIGNAL) < 0) {
    if (errno != EINTR) return Error::from_errno(errno, "send a descriptor");
  }
  return {};
}

Result<FdMessage> receive_message(int socket) {
  std::array<char, 4096> text;
  iovec part{text.data(), text.size()};
  OneFd control{};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = &control;
  message.msg_controllen = sizeof control;
  ssize_t n = 0;
  while ((n = ::recvmsg(socket, &message, MSG_CMSG_CLOEXEC)) < 0) {
    if (errno != EINTR) return Error::from_errno(errno, "receive a descriptor");
  }
  FdMessage received;
  received.text.assign(text.data(), static_cast<size_t>(n));
  cmsghdr* header = n == 0 ? nullptr : CMSG_FIRSTHDR(&message);
  if (header == nullptr || header->cmsg_type != SCM_RIGHTS) return received;
  int fd = -1;
  std::memcpy(&fd, CMSG_DATA(header), sizeof fd);
  received.fd.reset(fd);
  return received;
}

Result<UniqueFd> receive_fd(int socket) {
  FdMessage message = TRY(receive_message(socket));
  if (!message.fd) return Error(Code::kUnavailable, "receive a descriptor: none came");
  return std::move(message.fd);
}

}  // namespace skiff::sys
