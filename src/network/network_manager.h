// NetworkManager: bridges, addresses and published ports of one Skiff instance.
//
// The life of a container's network, mode "bridge":
//   1. create the container: the runtime makes an empty network namespace;
//   2. Endpoint e = TRY(net.attach(container_id, network, netns_fd, options)): address, veth
//      pair, default route, published ports;
//   3. start the container; write resolv.conf and hosts from the endpoint;
//   4. net.detach(container_id) when it ended: ports, veth and address are free again.
//
// Each instance has a bridge, an nftables table and a subnet of its own, named after the
// instance, so that many live side by side. Rules are one table with maps; publishing a
// port adds a map element by netlink. State is in SQLite; open() reconciles it with the
// kernel. Thread-safe.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/file.h"

namespace skiff::network {

class VethPair;  // veth_pair.h

enum class Protocol { kTcp, kUdp };

struct PortBinding {
  Protocol protocol = Protocol::kTcp;
  uint16_t container_port = 0;
  std::string host_ip = "0.0.0.0";
  uint16_t host_port = 0;  // 0: a free one of the ephemeral range
};

struct NetworkInfo {
  std::string id;    // 64 hex digits
  std::string name;  // "bridge", "host", "none", or a user's
  std::string driver;
  TimePoint created;
  std::string subnet;   // "172.17.0.0/16"; "" for host and none
  std::string gateway;  // "172.17.0.1"
  std::string bridge;   // the host's interface
  bool internal = false;
  std::map<std::string, std::string> labels;
  std::map<std::string, std::string> options;
  bool predefined() const { return name == "bridge" || name == "host" || name == "none"; }
};

struct Endpoint {
  std::string id;
  std::string container_id;
  std::string network_id;
  std::string network_name;
  std::string mac;
  std::string ip;
  int prefix_length = 0;
  std::string gateway;
  std::vector<PortBinding> ports;  // as published
};

struct AttachOptions {
  std::vector<PortBinding> ports;
  std::string requested_ip;
  std::string requested_mac;
  std::vector<std::string> aliases;
  std::string interface;  // its name in the namespace; "": "eth0", of a further network "eth1", ...
  // A pair whose one end is in the namespace already, or null: the container's, if its name serves.
  VethPair* ready = nullptr;
};

class HostPorts;  // host_ports.h

struct ManagerOptions {
  Path root;             // network.db
  std::string instance;  // short unique word: names of bridge and nft table derive from it
  std::string bridge;    // "" derives it from `instance`
  std::string subnet;  // of the default bridge; "" chooses a free one of 172.17-31.0.0/16, 192.168
  std::shared_ptr<HostPorts> ports;  // held by sockets of our own when absent
};

class NetworkManager {
 public:
  virtual ~NetworkManager() = default;

  virtual Result<std::vector<NetworkInfo>> list() = 0;
  // By name, id or id prefix. kNotFound: "network NAME not found".
  virtual Result<NetworkInfo> find(const std::string& name) = 0;
  virtual Result<NetworkInfo> create(const NetworkInfo& wanted) = 0;  // name, subnet, labels...
  virtual Result<> remove(const std::string& name) = 0;  // predefined or in use: refused

  // `netns` is an open network namespace, with nothing but a loopback in it and the end of
  // options.ready. A failed attach leaves nothing behind. Port in use: kAlreadyExists, "Bind for
  // 0.0.0.0:80 failed: port is already allocated".
  virtual Result<Endpoint> attach(const std::string& container_id, const std::string& network,
                                  int netns, const AttachOptions& options) = 0;
  // Only raises the loopback, for mode "none".
  virtual Result<> raise_loopback(int netns) = 0;
  virtual Result<> detach(const std::string& container_id) = 0;  // unknown is success
  virtual Result<std::vector<Endpoint>> endpoints(const std::string& network_id) = 0;

  // Frees what belongs to containers other than `alive` (after a crash).
  virtual Result<> reconcile(const std::vector<std::string>& alive) = 0;
  // Removes the bridges and the nft table, when no container is attached.
  virtual Result<> shutdown() = 0;
};

Result<std::unique_ptr<NetworkManager>> open_network_manager(const ManagerOptions& options,
                                                             const Clock& clock = Clock::system());

// Texts for a container's /etc/resolv.conf, hosts. `host_resolv_conf` is the host's file:
// loopback name servers in it are replaced by public ones only where nothing else is left.
std::string make_resolv_conf(const std::string& host_resolv_conf,
                             const std::vector<std::string>& dns,
                             const std::vector<std::string>& search,
                             const std::vector<std::string>& options);
std::string make_hosts(const std::string& hostname, const std::string& domain,
                       const std::string& ip,
                       const std::vector<std::string>& extra);  // "name:ip"

}  // namespace skiff::network
