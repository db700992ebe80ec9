// TestNet: a network namespace that plays the host, for tests: others that play containers
// or the outside world hang on it. Everything is real and vanishes with the last descriptor.
#pragma once

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <sys/socket.h>

#include <string>
#include <thread>

#include "base/file.h"
#include "base/strings.h"
#include "network/links.h"
#include "sys/netlink.h"
#include "sys/process.h"

namespace skiff::network::testing {

constexpr int kPatienceMs = 30'000;
constexpr int kRefusalMs = 300;  // how long a blocked connection is given

// A new, empty network namespace.
inline UniqueFd new_netns() {
  UniqueFd fd;
  std::thread([&] {
    if (::unshare(CLONE_NEWNET) == 0) {
      fd.reset(::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
    }
  }).join();
  return fd;
}

inline UniqueFd own_netns() {
  return UniqueFd(::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
}

// The output of a program run inside `netns`; with its exit code put behind where not 0.
inline std::string run_in(const UniqueFd& netns, const std::string& command) {
  std::string out;
  (void)sys::run_in_network_namespace(netns.get(), [&]() -> Result<> {
    const sys::Captured run = TRY(sys::run_captured({.args = {"/bin/sh", "-c", command}}));
    out = run.out + run.err;
    if (run.code != 0) out += cat(" (exit code ", run.code, ")");
    return {};
  });
  return out;
}

inline sockaddr_in address_of(const std::string& ip, uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  ::inet_pton(AF_INET, ip.c_str(), &address.sin_addr);
  return address;
}

inline UniqueFd socket_in(const UniqueFd& netns, int type) {
  UniqueFd fd;
  (void)sys::run_in_network_namespace(netns.get(), [&]() -> Result<> {
    fd.reset(::socket(AF_INET, type | SOCK_CLOEXEC, 0));
    return {};
  });
  return fd;
}

// A server's socket in `netns`: TCP (SOCK_STREAM, listening) or UDP (SOCK_DGRAM).
inline UniqueFd serve_in(const UniqueFd& netns, int type, uint16_t port) {
  UniqueFd fd = socket_in(netns, type);
  const sockaddr_in address = address_of("0.0.0.0", port);
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) return {};
  if (type == SOCK_STREAM && ::listen(fd.get(), 16) != 0) return {};
  return fd;
}

inline bool readable(int fd, int timeout_ms) {
  pollfd p{fd, POLLIN, 0};
  return ::poll(&p, 1, timeout_ms) == 1;
}

// What the server saw of the client: its address, or why nothing came.
inline std::string tcp_exchange(const UniqueFd& from, const std::string& ip, uint16_t port,
                                const UniqueFd& server, int timeout_ms = kPatienceMs) {
  const UniqueFd client = socket_in(from, SOCK_STREAM | SOCK_NONBLOCK);
  const sockaddr_in to = address_of(ip, port);
  if (::connect(client.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0 &&
      errno != EINPROGRESS) {
    return cat("connect: ", Error::from_errno(errno, "").message());
  }
  if (!readable(server.get(), timeout_ms)) return "nobody came";
  sockaddr_in peer{};
  socklen_t length = sizeof peer;
  const UniqueFd accepted(
      ::accept4(server.get(), reinterpret_cast<sockaddr*>(&peer), &length, SOCK_CLOEXEC));
  if (::send(accepted.get(), "x", 1, 0) != 1) return "send failed";
  char got = 0;
  if (!readable(client.get(), kPatienceMs) || ::recv(client.get(), &got, 1, 0) != 1) {
    return "no answer";
  }
  return inet_ntoa(peer.sin_addr);
}

inline std::string udp_exchange(const UniqueFd& from, const std::string& ip, uint16_t port,
                                const UniqueFd& server) {
  const UniqueFd client = socket_in(from, SOCK_DGRAM);
  const sockaddr_in to = address_of(ip, port);
  // Connected, so that only an answer from the address that was asked is received.
  if (::connect(client.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0 ||
      ::send(client.get(), "ping", 4, 0) != 4) {
    return cat("send: ", Error::from_errno(errno, "").message());
  }
  if (!readable(server.get(), kPatienceMs)) return "nothing came";
  sockaddr_in peer{};
  socklen_t length = sizeof peer;
  char buffer[8];
  auto* peer_address = reinterpret_cast<sockaddr*>(&peer);
  const ssize_t got = ::recvfrom(server.get(), buffer, sizeof buffer, 0, peer_address, &length);
  if (::sendto(server.get(), buffer, static_cast<size_t>(got), 0, peer_address, length) != got) {
    return "reply failed";
  }
  if (!readable(client.get(), kPatienceMs)) return "no answer";
  return inet_ntoa(peer.sin_addr);
}

}  // namespace skiff::network::testing
