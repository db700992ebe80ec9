#include "rootless/udp_relay.h"

#include <sys/socket.h>

#include <array>
#include <cerrno>

namespace skiff::rootless {

namespace {

constexpr int kSilentTicks = 60;
constexpr int kUdpRounds = 64;
constexpr size_t kMostClients = 1024;
constexpr size_t kDatagram = 65536;

using Buffer = std::array<char, kDatagram>;

// The socket of the host's side is the port's, and closed by it, whoever is a client still.
using PortSocket = std::shared_ptr<UniqueFd>;

class Client : public Relayed {
 public:
  Client(const PortSocket& outside, const sockaddr_in& address, UniqueFd inside)
      : outside_(outside), address_(address), inside_(std::move(inside)) {}

  void send(const char* data, size_t size) {
    silent_ticks_ = 0;
    ::send(inside_.get(), data, size, MSG_NOSIGNAL | MSG_DONTWAIT);
  }

  Next on_ready() override {
    static Buffer buffer;
    if (!*outside_) return Next::kEnd;
    for (int round = 0; round < kUdpRounds; ++round) {
      const ssize_t n = ::recv(inside_.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
      // A refused datagram is heard of here; the next one may be taken.
      if (n < 0) return errno == ECONNREFUSED ? Next::kGoOn : Next::kWait;
      silent_ticks_ = 0;
      ::sendto(outside_->get(), buffer.data(), static_cast<size_t>(n), MSG_NOSIGNAL | MSG_DONTWAIT,
               reinterpret_cast<const sockaddr*>(&address_), sizeof address_);
    }
    return Next::kGoOn;
  }

  Next on_tick() override {
    return !*outside_ || ++silent_ticks_ > kSilentTicks ? Next::kEnd : Next::kWait;
  }
  bool wants_ticks() const override { return true; }

 private:
  PortSocket outside_;
  sockaddr_in address_;
  UniqueFd inside_;
  int silent_ticks_ = 0;
};

class UdpPort : public Relayed {
 public:
  UdpPort(PortRelay& relay, UniqueFd socket, const sockaddr_in& target)
      : relay_(relay), socket_(std::make_shared<UniqueFd>(std::move(socket))), target_(target) {}
  UdpPort(const UdpPort&) = delete;
  UdpPort& operator=(const UdpPort&) = delete;
  ~UdpPort() override { socket_->reset(); }

  Next on_ready() override {
    static Buffer buffer;
    for (int round = 0; round < kUdpRounds; ++round) {
      sockaddr_in from{};
      socklen_t length = sizeof from;
      const ssize_t n = ::recvfrom(socket_->get(), buffer.data(), buffer.size(), MSG_DONTWAIT,
                                   reinterpret_cast<sockaddr*>(&from), &length);
      if (n < 0) return Next::kWait;
      if (Client* client = client_at(from)) client->send(buffer.data(), static_cast<size_t>(n));
    }
    return Next::kGoOn;
  }

 private:
  // nullptr: the datagram is lost, as datagrams are.
  Client* client_at(const sockaddr_in& address) {
    const std::pair key(address.sin_addr.s_addr, address.sin_port);
    if (const auto known = clients_.find(key); known != clients_.end()) {
      if (Relayed* found = relay_.find(known->second)) return static_cast<Client*>(found);
    }
    std::erase_if(clients_, [&](const auto& c) { return relay_.find(c.second) == nullptr; });
    if (clients_.size() >= kMostClients) return nullptr;
    UniqueFd inside(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    const auto* target = reinterpret_cast<const sockaddr*>(&target_);
    if (!inside || ::connect(inside.get(), target, sizeof target_) != 0) return nullptr;
    const int fd = inside.get();
    auto client = std::make_unique<Client>(socket_, address, std::move(inside));
    Client* made = client.get();
    Result<uint64_t> id = relay_.add(std::move(client), {fd});
    if (!id) return nullptr;
    clients_[key] = *id;
    return made;
  }

  PortRelay& relay_;
  PortSocket socket_;
  sockaddr_in target_;
  std::map<std::pair<uint32_t, uint16_t>, uint64_t> clients_;
};

}  // namespace

std::unique_ptr<Relayed> make_udp_port(PortRelay& relay, UniqueFd socket,
                                       const sockaddr_in& target) {
  return std::make_unique<UdpPort>(relay, std::move(socket), target);
}

}  // namespace skiff::rootless
