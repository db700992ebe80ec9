#include "network/network_rules.h"

#include <algorithm>

#include "base/strings.h"

namespace skiff::network {

namespace {

bool valid_network_name(std::string_view name) {
  const auto plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  };
  return !name.empty() && plain(name.front()) && std::ranges::all_of(name, [&](char c) {
    return plain(c) || c == '_' || c == '.' || c == '-';
  });
}

}  // namespace

Result<> check_new_network(const NetworkInfo& wanted) {
  if (!valid_network_name(wanted.name)) {
    return Error(Code::kInvalidArgument, cat("invalid network name ", skiff::quoted(wanted.name),
                                             ": letters, digits, '_', '.' and '-' are allowed"));
  }
  if (wanted.predefined()) {
    return Error(Code::kPermissionDenied,
                 cat("operation is not permitted on predefined ", wanted.name, " network"));
  }
  if (!wanted.driver.empty() && wanted.driver != "bridge") {
    return Error(Code::kInvalidArgument, cat("network driver ", skiff::quoted(wanted.driver),
                                             " is unknown: there is \"bridge\""));
  }
  return {};
}

NetworkRecord set_subnet(NetworkRecord record, const Subnet& subnet, Ipv4 gateway) {
  record.subnet = subnet;
  record.gateway = gateway;
  record.info.subnet = subnet.str();
  record.info.gateway = gateway.str();
  return record;
}

Result<NetworkRecord> set_wanted_subnet(NetworkRecord record, const std::string& subnet,
                                        const std::string& gateway,
                                        const std::vector<NetworkRecord>& others) {
  const Subnet wanted = TRY(Subnet::parse(subnet));
  if (wanted.prefix < 8 || wanted.prefix > 30) {
    return Error(Code::kInvalidArgument,
                 cat("subnet ", subnet, ": the prefix length must be from 8 to 30"));
  }
  for (const NetworkRecord& other : others) {
    if (other.subnet && other.subnet->overlaps(wanted)) {
      return Error(Code::kPermissionDenied,
                   "invalid pool request: Pool overlaps with other one on this address space");
    }
  }
  const Ipv4 chosen_gateway = gateway.empty() ? wanted.nth(1) : TRY(Ipv4::parse(gateway));
  if (!wanted.contains(chosen_gateway) || chosen_gateway == wanted.address ||
      chosen_gateway == wanted.broadcast()) {
    return Error(Code::kInvalidArgument,
                 cat("gateway ", gateway, " is not an address of a host in ", wanted.str()));
  }
  return set_subnet(std::move(record), wanted, chosen_gateway);
}

Result<Ipv4> choose_address(const NetworkRecord& network, const std::vector<Ipv4>& used,
                            const std::string& requested) {
  const Subnet& subnet = *network.subnet;
  if (!requested.empty()) {
    const Ipv4 ip = TRY(Ipv4::parse(requested));
    if (!subnet.contains(ip) || ip == subnet.address || ip == subnet.broadcast()) {
      return Error(Code::kInvalidArgument,
                   cat("address ", requested, " is not one of a host in ", subnet.str()));
    }
    if (ip == network.gateway || std::ranges::binary_search(used, ip)) {
      return Error(Code::kAlreadyExists, cat("Address already in use: ", requested));
    }
    return ip;
  }
  auto next_used = used.begin();
  for (Ipv4 ip = subnet.nth(1); ip < subnet.broadcast(); ++ip.bits) {
    if (next_used != used.end() && *next_used == ip) {
      ++next_used;
    } else if (ip != network.gateway) {
      return ip;
    }
  }
  return Error(Code::kResourceExhausted,
               cat("no available IPv4 addresses on network ", network.info.name));
}

}  // namespace skiff::network
