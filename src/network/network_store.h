// NetworkStore: networks and endpoints of an instance in ROOT/network.db.
//
// Networks are durable. Endpoints are written so that they survive the daemon but not
// necessarily a power cut, after which no container lives anyway: no disk flush on the
// path of a container. Forgetting an endpoint always succeeds: what a full disk keeps in the
// database is told to nobody any more, and goes before the next endpoint is added. Not
// thread-safe; its owner serialises.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "db/database.h"
#include "network/ipv4.h"
#include "network/network_manager.h"
#include "network/nft_table.h"

namespace skiff::network {

struct NetworkRecord {
  NetworkInfo info;
  std::optional<Subnet> subnet;  // none for host and none
  Ipv4 gateway;
  bool subnet_chosen = false;  // by us, so it may be changed while nothing is attached
};

struct EndpointRecord {
  std::string id;
  std::string container_id;
  std::string network_id;
  std::string mac;
  Ipv4 ip;
  std::string host_link;  // the host's end of the veth pair
  std::vector<PortBinding> ports;
};

class NetworkStore {
 public:
  static Result<NetworkStore> open(const Path& root);

  Result<std::vector<NetworkRecord>> networks();
  Result<> add_network(const NetworkRecord& record);
  Result<> remove_network(const std::string& id);
  Result<> set_subnet(const std::string& id, const Subnet& subnet, Ipv4 gateway);

  Result<std::vector<EndpointRecord>> endpoints();  // all, oldest first
  Result<std::vector<EndpointRecord>> endpoints_of_network(const std::string& network_id);
  Result<std::vector<EndpointRecord>> endpoints_of_container(const std::string& container_id);
  Result<std::vector<Ipv4>> used_addresses(const std::string& network_id);  // in order
  Result<> add_endpoint(const EndpointRecord& record);
  void forget_endpoint(const std::string& id);

 private:
  explicit NetworkStore(Database db) : db_(std::move(db)) {}
  Result<std::vector<EndpointRecord>> read_endpoints(Statement statement);
  Result<> drop_forgotten();

  Database db_;
  std::set<std::string> forgotten_;  // endpoints whose rows are still there
};

}  // namespace skiff::network
