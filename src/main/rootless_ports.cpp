#include "main/rootless_ports.h"

#include "base/log.h"

namespace skiff {

namespace {

rootless::HostPort words_of(const network::HostPort& port) {
  return {.tcp = port.protocol == network::Protocol::kTcp,
          .address = port.ip.str(),
          .number = port.number};
}

class RootlessPorts : public network::HostPorts {
 public:
  explicit RootlessPorts(rootless::Session& session) : session_(session) {}

  Result<uint16_t> take(const network::HostPort& port) override {
    return session_.take(words_of(port));
  }
  Result<> lead(const network::HostPort& port, network::Ipv4 ip, uint16_t number) override {
    return session_.lead(words_of(port), ip.str(), number);
  }
  void drop(const network::HostPort& port) override {
    if (auto dropped = session_.drop(words_of(port)); !dropped) {
      log_warn(dropped.error().message());
    }
  }
  Result<> settle() override { return session_.settle(); }

 private:
  rootless::Session& session_;
};

}  // namespace

std::shared_ptr<network::HostPorts> make_rootless_ports(rootless::Session& session) {
  return std::make_shared<RootlessPorts>(session);
}

}  // namespace skiff
