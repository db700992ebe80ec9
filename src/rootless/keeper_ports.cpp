#include "rootless/keeper_ports.h"

#include <sys/socket.h>

#include <cerrno>

#include "base/strings.h"
#include "rootless/packet.h"

namespace skiff::rootless {

namespace {

Error unknown(const std::vector<std::string>& words) {
  return Error(Code::kInvalidArgument, cat("unknown: ", join(words, " ")));
}

}  // namespace

Result<UniqueFd> host_socket(const std::vector<std::string>& words) {
  int numbers[3] = {};
  for (size_t i = 0; i < 3; ++i) {
    const auto number = words.size() == 4 ? parse_int(words[i + 1]) : std::nullopt;
    if (!number) return unknown(words);
    numbers[i] = static_cast<int>(*number);
  }
  if (numbers[0] != AF_INET && numbers[0] != AF_INET6) return unknown(words);
  UniqueFd socket(::socket(numbers[0], numbers[1] | SOCK_CLOEXEC, numbers[2]));
  if (!socket) return Error::from_errno(errno, "open a socket of the host");
  return socket;
}

Result<std::string> KeeperPorts::answer(int client, int holder,
                                        const std::vector<std::string>& words) {
  if (words[0] == "settle") {
    TRY(settle(holder));
    return std::string();
  }
  if (words.size() < 4) return unknown(words);
  const HostPort port = TRY(HostPort::parse(words[1], words[2], words[3]));
  if (words[0] == "take") return take(client, port);
  if (words[0] == "lead" && words.size() == 6) {
    TRY(lead(holder, port, cat(words[4], " ", words[5])));
    return std::string();
  }
  if (words[0] != "drop") return unknown(words);
  TRY(drop(holder, port));
  return std::string();
}

void KeeperPorts::forget_client(int client) {
  for (auto& [port, taken] : taken_) {
    if (taken.client == client) taken.client = -1;
  }
}

Result<std::string> KeeperPorts::take(int client, HostPort port) {
  if (const auto found = taken_.find(port); found != taken_.end() && found->second.client < 0) {
    found->second.client = client;
    return cat(port.number);
  }
  BoundPort bound = TRY(bind_port(port));
  port.number = bound.number;
  taken_[port] = {.socket = std::move(bound.socket), .client = client};
  return cat(port.number);
}

Result<> KeeperPorts::lead(int holder, const HostPort& port, const std::string& target) {
  const auto found = taken_.find(port);
  if (found == taken_.end()) {
    return Error(Code::kFailedPrecondition, cat("port ", port.str(), " is not taken"));
  }
  TRY(ask(holder, cat("lead ", port.str(), " ", target), found->second.socket.get()));
  found->second.led = true;
  return {};
}

Result<> KeeperPorts::drop(int holder, const HostPort& port) {
  const auto found = taken_.find(port);
  if (found == taken_.end()) return {};
  const bool led = found->second.led;
  taken_.erase(found);
  if (led) TRY(ask(holder, cat("drop ", port.str())));
  return {};
}

Result<> KeeperPorts::settle(int holder) {
  std::vector<HostPort> left;
  for (const auto& [port, taken] : taken_) {
    if (taken.client < 0) left.push_back(port);
  }
  for (const HostPort& port : left) TRY(drop(holder, port));
  return {};
}

}  // namespace skiff::rootless
