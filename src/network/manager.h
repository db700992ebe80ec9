// Manager: the NetworkManager of this folder, in two files: networks (network_manager.cpp) and the
// containers on them (endpoints.cpp).
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "base/strings.h"
#include "network/network_manager.h"
#include "network/network_store.h"
#include "network/nft_table.h"
#include "network/port_hold.h"
#include "network/veth_pair.h"

namespace skiff::network {

inline constexpr size_t kIdDigits = 64;

class Manager : public NetworkManager {
 public:
  Manager(ManagerOptions options, NetworkStore store, const Clock& clock)
      : options_(std::move(options)),
        store_(std::move(store)),
        clock_(clock),
        table_(options_.instance),
        ports_(options_.ports != nullptr ? options_.ports : make_held_ports()) {}
  // Containers outlive the daemon, and their ports with them.
  ~Manager() override {
    for (auto& [endpoint, holds] : holds_) {
      for (PortHold& hold : holds) hold.leave();
    }
  }

  Result<> start();

  Result<std::vector<NetworkInfo>> list() override;
  Result<NetworkInfo> find(const std::string& name) override;
  Result<NetworkInfo> create(const NetworkInfo& wanted) override;
  Result<> remove(const std::string& name) override;
  Result<Endpoint> attach(const std::string& container_id, const std::string& network, int netns,
                          const AttachOptions& options) override;
  Result<> raise_loopback(int netns) override { return network::raise_loopback(netns); }
  Result<> detach(const std::string& container_id) override;
  Result<std::vector<Endpoint>> endpoints(const std::string& network_id) override;
  Result<> reconcile(const std::vector<std::string>& alive) override;
  Result<> shutdown() override;

 private:
  struct Reservation {
    NetworkRecord network;
    EndpointRecord endpoint;
    std::string container_link;
    VethSpec veth;
  };

  static Result<> connect(const Reservation& reserved, int netns, VethPair* ready);

  // All below expect mutex_ to be held.
  std::string alias() const { return cat("skiff ", options_.instance); }
  Result<> add_predefined();
  Result<> restore();
  Result<NetworkRecord> find_record(const std::string& name);
  Result<> check_subnet_wish(const NetworkRecord& record) const;
  Result<NetworkRecord> with_subnet(NetworkRecord record, const std::string& subnet,
                                    const std::string& gateway);
  Result<std::vector<Subnet>> subnets_taken(const NetworkRecord& apart_from);
  Result<NetworkRecord> bring_up(NetworkRecord record);
  Result<NetworkRecord> settle_subnet(NetworkRecord record);
  Result<> write_table();
  Result<> take_down(const NetworkRecord& record);
  Result<Reservation> reserve(const std::string& container_id, const std::string& network,
                              const AttachOptions& options);
  Result<> publish(const EndpointRecord& endpoint);
  Result<> release(const EndpointRecord& endpoint);

  const ManagerOptions options_;
  std::mutex mutex_;
  NetworkStore store_;
  const Clock& clock_;
  NftTable table_;
  const std::shared_ptr<HostPorts> ports_;
  std::set<std::string> up_;                            // ids of networks whose bridge is there
  std::map<std::string, std::vector<PortHold>> holds_;  // by endpoint id
};

// What the table leads from the host to an endpoint.
Result<std::vector<Forward>> forwards_of(const EndpointRecord& endpoint);

}  // namespace skiff::network
