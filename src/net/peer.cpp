#include "net/peer.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include <array>
#include <cstring>

#include "base/strings.h"

namespace skiff::net {

namespace {

// A peer that vanished without a word is noticed after kProbeAfter + kProbes * kProbeEvery
// seconds, not after the kernel's two hours.
constexpr int kProbeAfter = 60;
constexpr int kProbeEvery = 15;
constexpr int kProbes = 4;

void set_option(int fd, int level, int option, int value) {
  ::setsockopt(fd, level, option, &value, sizeof value);
}

void set_tcp_options(int fd, const ServerOptions& options) {
  set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
  set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
  set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, kProbeAfter);
  set_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, kProbeEvery);
  set_option(fd, IPPROTO_TCP, TCP_KEEPCNT, kProbes);
  // Bytes that nobody acknowledges, and a window that stays shut, end the connection.
  const int patience = system_milliseconds(options.pace.stall);
  if (patience > 0) set_option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, patience);
}

void name_ipv4(const sockaddr_in& address, Peer& peer) {
  std::array<char, INET_ADDRSTRLEN> text;
  ::inet_ntop(AF_INET, &address.sin_addr, text.data(), text.size());
  peer.client = text.data();
  peer.name = cat(peer.client, ":", ntohs(address.sin_port));
}

void name_ipv6(const sockaddr_in6& address, Peer& peer) {
  std::array<char, INET6_ADDRSTRLEN> text;
  ::inet_ntop(AF_INET6, &address.sin6_addr, text.data(), text.size());
  peer.name = cat("[", text.data(), "]:", ntohs(address.sin6_port));
  peer.client = text.data();
  if (IN6_IS_ADDR_V4MAPPED(&address.sin6_addr)) return;
  // One subscriber commands a whole /64.
  in6_addr network = address.sin6_addr;
  std::memset(&network.s6_addr[8], 0, 8);
  ::inet_ntop(AF_INET6, &network, text.data(), text.size());
  peer.client = cat(text.data(), "/64");
}

}  // namespace

Peer accept_peer(int listener, const ServerOptions& options) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  Peer peer;
  peer.socket.reset(
      ::accept4(listener, reinterpret_cast<sockaddr*>(&address), &size, SOCK_CLOEXEC));
  if (!peer.socket) return peer;
  if (address.ss_family == AF_INET) name_ipv4(reinterpret_cast<const sockaddr_in&>(address), peer);
  if (address.ss_family == AF_INET6) {
    name_ipv6(reinterpret_cast<const sockaddr_in6&>(address), peer);
  }
  if (address.ss_family != AF_UNIX) set_tcp_options(peer.socket.get(), options);
  return peer;
}

size_t ClientCounts::of(const std::string& client) const {
  std::scoped_lock lock(mutex_);
  const auto found = counts_.find(client);
  return found == counts_.end() ? 0 : found->second;
}

std::shared_ptr<void> ClientCounts::add(const std::string& client) {
  std::scoped_lock lock(mutex_);
  size_t& count = counts_[client];
  ++count;
  return {&count, [this, client](void*) {
            std::scoped_lock guard(mutex_);
            const auto found = counts_.find(client);
            if (--found->second == 0) counts_.erase(found);
          }};
}

}  // namespace skiff::net
