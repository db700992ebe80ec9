#include "network/links.h"

#include <arpa/inet.h>
#include <linux/if_link.h>
#include <net/if.h>

#include <algorithm>

#include "base/strings.h"
#include "network/link_messages.h"

namespace skiff::network {

namespace {

using sys::NetlinkAttributes;
using sys::NetlinkMessage;
using sys::NetlinkSocket;

template <typename T>
T header_of(std::string_view payload) {
  T header{};
  payload.copy(reinterpret_cast<char*>(&header), sizeof header);
  return header;
}

LinkInfo link_of(std::string_view payload) {
  const auto header = header_of<ifinfomsg>(payload);
  const NetlinkAttributes attributes(payload.substr(sizeof header));
  return {.index = header.ifi_index,
          .name = attributes.text(IFLA_IFNAME),
          .kind = attributes.nested(IFLA_LINKINFO).text(IFLA_INFO_KIND),
          .alias = attributes.text(IFLA_IFALIAS),
          .up = (header.ifi_flags & IFF_UP) != 0,
          .master = static_cast<int>(attributes.number(IFLA_MASTER))};
}

Result<> create_bridge(NetlinkSocket& socket, const BridgeSpec& spec) {
  NetlinkMessage create(RTM_NEWLINK, kCreateLink, link_header(0, 0));
  create.put_text(IFLA_IFNAME, spec.name);
  // A fixed address: otherwise a bridge takes the lowest of its ports, and changes it.
  create.put(IFLA_ADDRESS, mac_of(spec.gateway));
  create.nest(IFLA_LINKINFO, [&] { create.put_text(IFLA_INFO_KIND, "bridge"); });
  NetlinkMessage name(RTM_SETLINK, 0, link_header(0, 0));
  name.put_text(IFLA_IFNAME, spec.name);
  name.put_text(IFLA_IFALIAS, spec.alias);
  const std::array messages{std::move(create), std::move(name)};
  return socket.send(messages);
}

void add_subnets_of_addresses(std::vector<Subnet>& out, std::string_view payload, int except) {
  const auto header = header_of<ifaddrmsg>(payload);
  if (static_cast<int>(header.ifa_index) == except) return;
  const uint32_t wire = NetlinkAttributes(payload.substr(sizeof header)).number(IFA_ADDRESS);
  out.push_back(Subnet::of({ntohl(wire)}, header.ifa_prefixlen));
}

void add_subnets_of_routes(std::vector<Subnet>& out, std::string_view payload, int except) {
  const auto header = header_of<rtmsg>(payload);
  if (header.rtm_dst_len == 0 || header.rtm_table == RT_TABLE_LOCAL) return;
  const NetlinkAttributes attributes(payload.substr(sizeof header));
  if (static_cast<int>(attributes.number(RTA_OIF)) == except) return;
  out.push_back(Subnet::of({ntohl(attributes.number(RTA_DST))}, header.rtm_dst_len));
}

}  // namespace

ifinfomsg link_header(int index, unsigned flags) {
  ifinfomsg header{};
  header.ifi_family = AF_UNSPEC;
  header.ifi_index = index;
  header.ifi_flags = flags;
  header.ifi_change = flags;
  return header;
}

NetlinkMessage raise_message(int index) {
  return NetlinkMessage(RTM_NEWLINK, 0, link_header(index, IFF_UP));
}

NetlinkMessage address_message(int index, Ipv4 ip, int prefix, uint16_t flags) {
  ifaddrmsg header{};
  header.ifa_family = AF_INET;
  header.ifa_prefixlen = static_cast<uint8_t>(prefix);
  header.ifa_scope = RT_SCOPE_UNIVERSE;
  header.ifa_index = static_cast<uint32_t>(index);
  NetlinkMessage message(RTM_NEWADDR, flags, header);
  message.put(IFA_LOCAL, ip.wire());
  message.put(IFA_ADDRESS, ip.wire());
  message.put(IFA_BROADCAST, Subnet::of(ip, prefix).broadcast().wire());
  return message;
}

MacAddress mac_of(Ipv4 ip) {
  const auto byte = [&](unsigned shift) { return static_cast<uint8_t>(ip.bits >> shift); };
  return {0x02, 0x42, byte(24), byte(16), byte(8), byte(0)};
}

Result<MacAddress> parse_mac(std::string_view text) {
  const auto invalid = [&] {
    return Error(Code::kInvalidArgument, cat("invalid MAC address ", quoted(text)));
  };
  const std::vector<std::string> parts = split(text, ':');
  MacAddress mac{};
  if (parts.size() != mac.size()) return invalid();
  for (size_t i = 0; i < mac.size(); ++i) {
    const auto byte = parse_uint(parts[i], 16);
    if (!byte || parts[i].size() != 2) return invalid();
    mac[i] = static_cast<uint8_t>(*byte);
  }
  if ((mac[0] & 1U) != 0) return invalid();  // a group address is nobody's own
  return mac;
}

std::string format_mac(const MacAddress& mac) {
  std::string out;
  for (const uint8_t byte : mac) {
    if (!out.empty()) out += ':';
    out += to_hex({reinterpret_cast<const char*>(&byte), 1});
  }
  return out;
}

Result<> check_interface_name(std::string_view name) {
  const auto invalid = [&](std::string_view why) {
    return Error(Code::kInvalidArgument, cat("invalid interface name ", quoted(name), ": ", why));
  };
  if (name.empty()) return invalid("it is empty");
  if (name.size() >= IFNAMSIZ) return invalid(cat("longer than ", IFNAMSIZ - 1, " bytes"));
  for (const std::string_view taken : {".", "..", "lo", "all", "default"}) {
    if (name == taken) return invalid("it has a meaning of its own");
  }
  // "%d" the kernel would replace by a number; "name:1" is an address to `ip`.
  const auto is_bad = [](char c) {
    return static_cast<unsigned char>(c) <= ' ' || c == '\x7f' || c == '/' || c == ':' || c == '%';
  };
  if (std::ranges::any_of(name, is_bad)) {
    return invalid("white space, control characters, '/', ':' and '%' are not for it");
  }
  return {};
}

Result<std::vector<LinkInfo>> list_links() {
  NetlinkSocket socket = TRY(open_route_socket());
  std::vector<LinkInfo> links;
  const NetlinkMessage request(RTM_GETLINK, 0, link_header(0, 0));
  TRY_CONTEXT(socket.dump(request,
                          [&](uint16_t type, std::string_view payload) {
                            if (type == RTM_NEWLINK) links.push_back(link_of(payload));
                          }),
              "list network interfaces");
  return links;
}

Result<std::optional<LinkInfo>> find_link(const std::string& name) {
  for (LinkInfo& link : TRY(list_links())) {
    if (link.name == name) return std::optional(std::move(link));
  }
  return std::optional<LinkInfo>();
}

Result<> delete_link(const std::string& name) {
  NetlinkMessage message(RTM_DELLINK, 0, link_header(0, 0));
  message.put_text(IFLA_IFNAME, name);
  Result<> done = TRY(open_route_socket()).send(message);
  if (!done && done.error().sys_errno() == ENODEV) return {};
  return std::move(done).context(cat("delete interface ", name));
}

Result<> ensure_bridge(const BridgeSpec& spec) {
  const std::string what = cat("set up bridge ", spec.name);
  NetlinkSocket socket = TRY(open_route_socket());
  auto link = TRY(find_link(spec.name));
  // A bridge without alias, down, is one whose making a crash cut short.
  const bool ours = !link || (link->kind == "bridge" &&
                              (link->alias == spec.alias || (link->alias.empty() && !link->up)));
  if (!ours) {
    return Error(Code::kAlreadyExists,
                 cat(what, ": an interface of that name exists and is not this instance's"));
  }
  if (link && link->alias != spec.alias) {
    TRY_CONTEXT(delete_link(spec.name), what);
    link.reset();
  }
  if (!link) TRY_CONTEXT(create_bridge(socket, spec), what);
  const auto index = static_cast<int>(::if_nametoindex(spec.name.c_str()));
  const std::array messages{
      address_message(index, spec.gateway, spec.subnet.prefix, NLM_F_CREATE | NLM_F_REPLACE),
      raise_message(index)};
  Result<> done = socket.send(messages);
  if (!done && !link) (void)delete_link(spec.name);
  return std::move(done).context(what);
}

Result<> raise_loopback(int netns) {
  return sys::run_in_network_namespace(
             netns, []() -> Result<> { return TRY(open_route_socket()).send(raise_message(1)); })
      .context("raise the loopback interface");
}

Result<std::vector<Subnet>> occupied_subnets(const std::string& except) {
  NetlinkSocket socket = TRY(open_route_socket());
  const auto index = except.empty() ? 0 : static_cast<int>(::if_nametoindex(except.c_str()));
  std::vector<Subnet> out;
  ifaddrmsg addresses{};
  addresses.ifa_family = AF_INET;
  rtmsg routes{};
  routes.rtm_family = AF_INET;
  TRY_CONTEXT(socket.dump(NetlinkMessage(RTM_GETADDR, 0, addresses),
                          [&](uint16_t type, std::string_view payload) {
                            if (type == RTM_NEWADDR) add_subnets_of_addresses(out, payload, index);
                          }),
              "list addresses");
  TRY_CONTEXT(socket.dump(NetlinkMessage(RTM_GETROUTE, 0, routes),
                          [&](uint16_t type, std::string_view payload) {
                            if (type == RTM_NEWROUTE) add_subnets_of_routes(out, payload, index);
                          }),
              "list routes");
  return out;
}

}  // namespace skiff::network
