// PortRelay: carries what comes to ports of the host into the network namespace of its process.
//
//   PortRelay relay = TRY(PortRelay::make());
//   TRY(relay.lead(port, std::move(host_socket), target));  // target: a container's 172.17.0.2:80
//   for (;;) { poll(relay.fd(), relay.patience()); relay.turn(); }
//
// The host's sockets were made in its network namespace, connections to targets are made in ours.
// A TCP connection ends a direction at a time; a UDP client keeps its socket until it was silent
// for a minute. Single-threaded; nothing blocks.
#pragma once

#include <deque>
#include <map>
#include <memory>

#include "rootless/host_port.h"

namespace skiff::rootless {

// One socket that listens, or one connection, or one client.
class Relayed {
 public:
  enum class Next { kWait, kGoOn, kEnd };
  virtual ~Relayed() = default;
  // Does what can be done now, but not for ever.
  virtual Next on_ready() = 0;
  // kEnd once it was silent for too long. Asked now and then, where it says that it wants to be.
  virtual Next on_tick() { return Next::kWait; }
  virtual bool wants_ticks() const { return false; }
};

class PortRelay {
 public:
  static Result<PortRelay> make();
  PortRelay(PortRelay&&) = default;

  // `host_socket` is bound, listens and does not block. A port that is led already is led anew.
  Result<> lead(const HostPort& port, UniqueFd host_socket, const sockaddr_in& target);
  // Connections that stand go on.
  void drop(const HostPort& port);

  // Readable when there is something for turn() to do, which is to be called after patience()
  // milliseconds at the latest; -1: no hurry.
  int fd() const { return epoll_.get(); }
  int patience() const;
  void turn();

  // For the relayed: who joins is told of all that happens to `fds`.
  Result<uint64_t> add(std::unique_ptr<Relayed> relayed, std::initializer_list<int> fds);
  Relayed* find(uint64_t id) const;

 private:
  explicit PortRelay(UniqueFd epoll) : epoll_(std::move(epoll)) {}
  void serve(uint64_t id);
  void tick();

  UniqueFd epoll_;
  uint64_t last_id_ = 0;
  std::map<HostPort, uint64_t> ports_;
  // By number: of one that is gone an event may still be on its way.
  std::map<uint64_t, std::unique_ptr<Relayed>> relayed_;
  std::deque<uint64_t> go_on_;
  int64_t ticked_ = 0;
};

}  // namespace skiff::rootless
