#include "runtime/network_devices.h"

#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <net/if.h>

#include <cerrno>

#include "base/strings.h"
#include "sys/netlink.h"

namespace skiff::runtime {

namespace {

using sys::NetlinkAttributes;
using sys::NetlinkMessage;
using sys::NetlinkSocket;

struct Address {
  ifaddrmsg header{};
  std::string local;  // as the attribute has it; "" for none
  std::string address;
  std::string broadcast;
};

ifinfomsg link_header(unsigned index, unsigned flags) {
  ifinfomsg header{};
  header.ifi_family = AF_UNSPEC;
  header.ifi_index = static_cast<int>(index);
  header.ifi_flags = flags;
  header.ifi_change = flags;
  return header;
}

Result<unsigned> index_of(const std::string& name) {
  unsigned index = ::if_nametoindex(name.c_str());
  if (index == 0) return Error::from_errno(errno, cat("find interface ", name));
  return index;
}

// What the administrator gave it, not what the kernel or a router did.
Result<std::vector<Address>> addresses_of(NetlinkSocket& socket, unsigned index) {
  std::vector<Address> found;
  NetlinkMessage all(RTM_GETADDR, NLM_F_DUMP, ifaddrmsg{});
  TRY(socket.dump(all, [&](uint16_t type, std::string_view payload) {
    Address entry;
    if (type != RTM_NEWADDR || payload.size() < sizeof entry.header) return;
    std::memcpy(&entry.header, payload.data(), sizeof entry.header);
    bool ours = entry.header.ifa_index == index && entry.header.ifa_scope == RT_SCOPE_UNIVERSE &&
                (entry.header.ifa_flags & IFA_F_PERMANENT) != 0;
    if (!ours) return;
    NetlinkAttributes attributes(payload.substr(sizeof entry.header));
    entry.local = attributes.find(IFA_LOCAL);
    entry.address = attributes.find(IFA_ADDRESS);
    entry.broadcast = attributes.find(IFA_BROADCAST);
    found.push_back(std::move(entry));
  }));
  return found;
}

NetlinkMessage address_message(const Address& address, unsigned index) {
  ifaddrmsg header = address.header;
  header.ifa_index = index;
  NetlinkMessage message(RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, header);
  if (!address.local.empty()) message.put_bytes(IFA_LOCAL, address.local);
  if (!address.address.empty()) message.put_bytes(IFA_ADDRESS, address.address);
  if (!address.broadcast.empty()) message.put_bytes(IFA_BROADCAST, address.broadcast);
  return message;
}

// In the container's namespace, where its index may be another.
Result<> configure(const std::string& name, const std::vector<Address>& addresses) {
  unsigned index = TRY(index_of(name));
  std::vector<NetlinkMessage> messages;
  for (const Address& address : addresses) messages.push_back(address_message(address, index));
  messages.emplace_back(RTM_NEWLINK, uint16_t{0}, link_header(index, IFF_UP));
  NetlinkSocket socket = TRY(NetlinkSocket::open(NETLINK_ROUTE));
  return socket.send(messages);
}

Result<> move_device(NetlinkSocket& socket, const OciNetDevice& device, int netns) {
  unsigned index = TRY(index_of(device.host_name));
  std::vector<Address> addresses = TRY(addresses_of(socket, index));
  NetlinkMessage move(RTM_NEWLINK, 0, link_header(index, 0));
  move.put(IFLA_NET_NS_FD, netns);
  move.put_text(IFLA_IFNAME, device.name);
  TRY(socket.send(move));
  return sys::run_in_network_namespace(netns, [&] { return configure(device.name, addresses); });
}

}  // namespace

Result<> move_network_devices(const std::vector<OciNetDevice>& devices, int netns) {
  NetlinkSocket socket = TRY(NetlinkSocket::open(NETLINK_ROUTE));
  for (const OciNetDevice& device : devices) {
    TRY_CONTEXT(move_device(socket, device, netns), cat("linux.netDevices.", device.host_name));
  }
  return {};
}

}  // namespace skiff::runtime
