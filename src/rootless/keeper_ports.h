// The keeper's sockets: those that it opens for others in the host's network namespace, and the
// published ports, which stay bound while daemons come and go.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "rootless/host_port.h"

namespace skiff::rootless {

// {"socket", DOMAIN, TYPE, PROTOCOL}: internet sockets alone.
Result<UniqueFd> host_socket(const std::vector<std::string>& words);

class KeeperPorts {
 public:
  // Of "take", "lead", "drop" and "settle" (packet.h); `holder` is the socket to it. A port that
  // another connection has taken, and left, is the next one's for the asking.
  Result<std::string> answer(int client, int holder, const std::vector<std::string>& words);
  void forget_client(int client);

 private:
  struct Taken {
    UniqueFd socket;
    int client = -1;  // -1: of a daemon that has gone
    bool led = false;
  };
  Result<std::string> take(int client, HostPort port);
  Result<> lead(int holder, const HostPort& port, const std::string& target);
  Result<> drop(int holder, const HostPort& port);
  Result<> settle(int holder);

  std::map<HostPort, Taken> taken_;
};

}  // namespace skiff::rootless
