// NftTable: the one nf_tables table of an instance, `ip skiff_INSTANCE`.
//
// Its rules never change while containers come and go; what changes are elements:
//   set bridges          names of our bridges         set subnets    their subnets
//   set same_bridge      (bridge, bridge) of each     set internal   bridges cut off from outside
//   map published_any    protocol . port            -> container ip . port
//   map published_at     host ip . protocol . port  -> container ip . port
// `replace` writes the whole table in one transaction by `nft -f -` when a bridge comes;
// `publish` and `unpublish` change map elements by netlink, without a process.
// Not thread-safe.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "network/ipv4.h"
#include "network/network_manager.h"

namespace skiff::network {

// A published port with the container it leads to.
struct Forward {
  Protocol protocol = Protocol::kTcp;
  Ipv4 host_ip;  // 0.0.0.0: any
  uint16_t host_port = 0;
  Ipv4 container_ip;
  uint16_t container_port = 0;
};

struct NftBridge {
  std::string name;
  Subnet subnet;
  bool internal = false;
};

class NftTable {
 public:
  explicit NftTable(const std::string& instance);

  const std::string& name() const { return name_; }
  // Sets the table to exactly this, atomically; connections live on.
  Result<> replace(const std::vector<NftBridge>& bridges, const std::vector<Forward>& forwards);
  Result<> publish(std::span<const Forward> forwards);  // all or nothing
  Result<> unpublish(std::span<const Forward> forwards);
  Result<> remove();  // a missing table is success

 private:
  std::string name_;
};

}  // namespace skiff::network
