// Links: what the network manager asks of rtnetlink. Plain functions; each opens a socket
// of its own in the caller's network namespace. Link names are unique there.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "network/ipv4.h"

namespace skiff::network {

using MacAddress = std::array<uint8_t, 6>;

// 02:42 and the address, Docker's rule: unique where the address is.
MacAddress mac_of(Ipv4 ip);
Result<MacAddress> parse_mac(std::string_view text);
std::string format_mac(const MacAddress& mac);

struct LinkInfo {
  int index = 0;
  std::string name;
  std::string kind;  // "bridge", "veth", ...; "" for hardware
  std::string alias;
  bool up = false;
  int master = 0;  // index of the bridge it is a port of, or 0
};

Result<std::optional<LinkInfo>> find_link(const std::string& name);
Result<std::vector<LinkInfo>> list_links();
// Of a link that is to be made: what the kernel takes, and neither "lo" nor what `ip` reads as
// another word.
Result<> check_interface_name(std::string_view name);
// Removing what is not there is success.
Result<> delete_link(const std::string& name);

struct BridgeSpec {
  std::string name;
  std::string alias;  // marks it as ours
  Ipv4 gateway;
  Subnet subnet;
};
// Makes the bridge where missing, gives it its address and raises it.
Result<> ensure_bridge(const BridgeSpec& spec);

Result<> raise_loopback(int netns);

// The subnets of all IPv4 addresses and routes (default routes apart) that are not of the
// link called `except`.
Result<std::vector<Subnet>> occupied_subnets(const std::string& except);

}  // namespace skiff::network
