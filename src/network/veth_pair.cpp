#include "network/veth_pair.h"

#include <linux/if_link.h>
#include <linux/veth.h>
#include <net/if.h>

#include <array>
#include <utility>
#include <vector>

#include "base/random.h"
#include "base/strings.h"
#include "network/link_messages.h"
#include "sys/procfs.h"

namespace skiff::network {

namespace {

using sys::NetlinkMessage;
using sys::NetlinkSocket;

constexpr int kLoopback = 1;  // always a namespace's first link

Result<> create_ends(const std::string& host_name, const std::string& container_name, int netns) {
  NetlinkMessage pair(RTM_NEWLINK, kCreateLink, link_header(0, 0));
  pair.put_text(IFLA_IFNAME, host_name);
  pair.nest(IFLA_LINKINFO, [&] {
    pair.put_text(IFLA_INFO_KIND, "veth");
    pair.nest(IFLA_INFO_DATA, [&] {
      pair.nest(VETH_INFO_PEER, [&] {
        const ifinfomsg peer = link_header(0, 0);
        pair.append(&peer, sizeof peer);
        pair.put_text(IFLA_IFNAME, container_name);
        pair.put(IFLA_NET_NS_FD, netns);
      });
    });
  });
  return TRY(open_route_socket()).send(pair);
}

NetlinkMessage mac_message(int index, const MacAddress& mac) {
  NetlinkMessage message(RTM_NEWLINK, 0, link_header(index, 0));
  message.put(IFLA_ADDRESS, mac);
  return message;
}

NetlinkMessage default_route_message(int index, Ipv4 gateway) {
  rtmsg header{};
  header.rtm_family = AF_INET;
  header.rtm_table = RT_TABLE_MAIN;
  header.rtm_protocol = RTPROT_BOOT;
  header.rtm_scope = RT_SCOPE_UNIVERSE;
  header.rtm_type = RTN_UNICAST;
  NetlinkMessage message(RTM_NEWROUTE, kCreateLink, header);
  message.put(RTA_GATEWAY, gateway.wire());
  message.put(RTA_OIF, index);
  return message;
}

// As Docker: no IPv6 on the interface of a network without it. Absent where the kernel has no
// IPv6 at all; else a container without this setting is not to be.
Result<> disable_ipv6(const std::string& interface) {
  const sys::ProcFs* proc = TRY(sys::ProcFs::ours());
  Result<> disabled = proc->write(cat("sys/net/ipv6/conf/", interface, "/disable_ipv6"), "1");
  if (!disabled && disabled.error().code() == Code::kNotFound) return {};
  return disabled;
}

struct Inside {
  std::optional<NetlinkSocket> socket;
  int index = 0;
};

// In the container's namespace; the socket stays of it, whoever sends on it.
Result<> prepare_inside(const std::string& interface, Inside& inside) {
  TRY(disable_ipv6(interface));
  inside.index = static_cast<int>(::if_nametoindex(interface.c_str()));
  if (inside.index == 0) return Error::from_errno(errno, cat("find interface ", interface));
  inside.socket = TRY(open_route_socket());
  return inside.socket->send(raise_message(kLoopback));
}

}  // namespace

std::string new_host_link() { return cat("skv", random_hex(12)); }

Result<VethPair> VethPair::make(std::string host_name, std::string container_name, int netns) {
  Inside inside;
  Result<> done = create_ends(host_name, container_name, netns);
  if (done) {
    done = sys::run_in_network_namespace(netns,
                                         [&] { return prepare_inside(container_name, inside); });
    if (!done) (void)delete_link(host_name);
  }
  if (!done) {
    return std::move(done.error()).with_context(cat("make interface ", container_name));
  }
  return VethPair(std::move(host_name), std::move(container_name), inside.index,
                  std::move(*inside.socket));
}

VethPair::VethPair(std::string host_name, std::string container_name, int container_index,
                   NetlinkSocket inside)
    : host_name_(std::move(host_name)),
      container_name_(std::move(container_name)),
      container_index_(container_index),
      inside_(std::move(inside)) {}

VethPair::VethPair(VethPair&& other) noexcept
    : host_name_(std::exchange(other.host_name_, "")),
      container_name_(std::move(other.container_name_)),
      container_index_(other.container_index_),
      inside_(std::move(other.inside_)),
      connected_(other.connected_) {}

VethPair::~VethPair() {
  if (!host_name_.empty() && !connected_) (void)delete_link(host_name_);
}

Result<> VethPair::connect(const VethSpec& spec) {
  const std::string what = cat("connect interface ", container_name_, " to ", spec.bridge);
  TRY_CONTEXT(become_port(spec.bridge), what);
  TRY_CONTEXT(configure_inside(spec), what);
  connected_ = true;
  return {};
}

Result<> VethPair::become_port(const std::string& bridge) const {
  const auto bridge_index = static_cast<int>(::if_nametoindex(bridge.c_str()));
  if (bridge_index == 0) return Error::from_errno(errno, cat("find bridge ", bridge));
  NetlinkMessage port(RTM_NEWLINK, 0, link_header(0, IFF_UP));
  port.put_text(IFLA_IFNAME, host_name_);
  port.put(IFLA_MASTER, bridge_index);
  // Where the host filters bridged packets (br_netfilter), one for a container's own
  // published port leaves the bridge where it came in.
  NetlinkMessage hairpin(RTM_NEWLINK, 0, link_header(0, 0));
  hairpin.put_text(IFLA_IFNAME, host_name_);
  hairpin.nest(IFLA_LINKINFO, [&] {
    hairpin.put_text(IFLA_INFO_SLAVE_KIND, "bridge");
    hairpin.nest(IFLA_INFO_SLAVE_DATA, [&] { hairpin.put(IFLA_BRPORT_MODE, uint8_t{1}); });
  });
  const std::array messages{std::move(port), std::move(hairpin)};
  return TRY(open_route_socket()).send(messages);
}

Result<> VethPair::configure_inside(const VethSpec& spec) {
  std::vector<NetlinkMessage> messages;
  messages.push_back(mac_message(container_index_, spec.mac));
  messages.push_back(address_message(container_index_, spec.ip, spec.prefix, kCreateLink));
  messages.push_back(raise_message(container_index_));
  if (spec.default_gateway) {
    messages.push_back(default_route_message(container_index_, *spec.default_gateway));
  }
  return inside_.send(messages);
}

}  // namespace skiff::network
