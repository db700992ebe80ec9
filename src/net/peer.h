// Peer: who is at the other end of an accepted connection, and what its socket is set to. Used
// by HttpServer only.
#pragma once

#include <sys/socket.h>

#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "base/unique_fd.h"
#include "net/http_server.h"

namespace skiff::net {

struct Peer {
  UniqueFd socket;
  std::string name;    // "127.0.0.1:3456", "[::1]:3456", "" for a Unix socket
  std::string client;  // what its connections are counted by: the address, of IPv6 the /64
};

// Takes a connection and sets its socket's options; no socket, and errno, where there is none.
Peer accept_peer(int listener, const ServerOptions& options);

// How many connections each client has. Thread-safe.
class ClientCounts {
 public:
  size_t of(const std::string& client) const;
  // Counts one until the returned object goes, which must be before this.
  std::shared_ptr<void> add(const std::string& client);

 private:
  mutable std::mutex mutex_;
  std::map<std::string, size_t> counts_;
};

}  // namespace skiff::net
