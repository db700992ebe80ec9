// Messages to rtnetlink that more than one part of this folder sends.
#pragma once

#include <linux/rtnetlink.h>
#include <net/if.h>

#include "network/ipv4.h"
#include "sys/netlink.h"

namespace skiff::network {

inline constexpr uint16_t kCreateLink = NLM_F_CREATE | NLM_F_EXCL;

inline Result<sys::NetlinkSocket> open_route_socket() {
  return sys::NetlinkSocket::open(NETLINK_ROUTE);
}

// Of a link, by its index; 0 for one that a name attribute tells, or that is to be made.
ifinfomsg link_header(int index, unsigned flags);
sys::NetlinkMessage raise_message(int index);
sys::NetlinkMessage address_message(int index, Ipv4 ip, int prefix, uint16_t flags);

}  // namespace skiff::network
