#include "network/nft_table.h"

#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <netinet/in.h>

#include "base/strings.h"
#include "sys/netlink.h"
#include "sys/process.h"

namespace skiff::network {

namespace {

using sys::NetlinkMessage;

constexpr std::string_view kPublishedAny = "published_any";
constexpr std::string_view kPublishedAt = "published_at";

// The rules. Published ports are found by address translation alone, in `prerouting` for
// packets that arrive and in `output` for the host's own; loopback addresses are left to
// `output`, so that nobody outside reaches a port published on 127.0.0.1. `guard` is the
// other half of route_localnet on the bridges: containers must not reach the host's
// loopback. `forward` lets in only what is published, and keeps networks apart.
constexpr std::string_view kChains = R"(
  chain publish {
    meta l4proto { tcp, udp } dnat ip to ip daddr . meta l4proto . th dport map @published_at
    meta l4proto { tcp, udp } dnat ip to meta l4proto . th dport map @published_any
  }
  chain guard {
    type filter hook prerouting priority raw; policy accept;
    iifname @bridges ip daddr 127.0.0.0/8 drop
    iifname @bridges ip saddr 127.0.0.0/8 drop
  }
  chain prerouting {
    type nat hook prerouting priority dstnat; policy accept;
    ip daddr != 127.0.0.0/8 fib daddr type local jump publish
  }
  chain output {
    type nat hook output priority -100; policy accept;
    fib daddr type local jump publish
  }
  chain postrouting {
    type nat hook postrouting priority srcnat; policy accept;
    oifname "lo" accept
    ip saddr @subnets oifname != @bridges masquerade
    ip saddr @subnets oifname @bridges ct status dnat masquerade
    ip saddr 127.0.0.0/8 oifname @bridges masquerade
  }
  chain forward {
    type filter hook forward priority filter; policy accept;
    ct state established,related accept
    iifname . oifname @same_bridge accept
    iifname @internal drop
    oifname @internal drop
    ct status dnat accept
    oifname @bridges drop
  }
)";

std::string_view protocol_name(Protocol protocol) {
  return protocol == Protocol::kTcp ? "tcp" : "udp";
}

uint32_t padded(uint8_t value) {
  uint32_t out = 0;
  std::memcpy(&out, &value, sizeof value);
  return out;
}

uint32_t padded(uint16_t port) {
  const uint16_t wire = htons(port);
  uint32_t out = 0;
  std::memcpy(&out, &wire, sizeof wire);
  return out;
}

// A concatenation in nf_tables: each field starts on a boundary of four bytes.
std::string concatenate(std::initializer_list<uint32_t> fields) {
  std::string out;
  for (const uint32_t field : fields) {
    out.append(reinterpret_cast<const char*>(&field), sizeof field);
  }
  return out;
}

bool any_address(const Forward& forward) { return forward.host_ip == Ipv4{}; }

std::string key_of(const Forward& forward) {
  const uint32_t protocol =
      padded(static_cast<uint8_t>(forward.protocol == Protocol::kTcp ? IPPROTO_TCP : IPPROTO_UDP));
  if (any_address(forward)) return concatenate({protocol, padded(forward.host_port)});
  return concatenate({forward.host_ip.wire(), protocol, padded(forward.host_port)});
}

std::string set_of(std::string_view name, std::string_view type, std::string_view kind,
                   const std::vector<std::string>& elements) {
  std::string out = cat("  ", kind, " ", name, " { type ", type, ";");
  if (!elements.empty()) out += cat(" elements = { ", join(elements, ", "), " }");
  return out + " }\n";
}

std::string sets_of_bridges(const std::vector<NftBridge>& bridges) {
  std::vector<std::string> names;
  std::vector<std::string> pairs;
  std::vector<std::string> subnets;
  std::vector<std::string> internal;
  for (const NftBridge& bridge : bridges) {
    const std::string name = cat('"', bridge.name, '"');
    names.push_back(name);
    pairs.push_back(cat(name, " . ", name));
    subnets.push_back(bridge.subnet.str());
    if (bridge.internal) internal.push_back(name);
  }
  return cat(set_of("bridges", "ifname", "set", names),
             set_of("same_bridge", "ifname . ifname", "set", pairs),
             set_of("internal", "ifname", "set", internal),
             set_of("subnets", "ipv4_addr; flags interval", "set", subnets));
}

std::string maps_of_ports(const std::vector<Forward>& forwards) {
  std::vector<std::string> any;
  std::vector<std::string> at;
  for (const Forward& f : forwards) {
    const std::string rest = cat(protocol_name(f.protocol), " . ", f.host_port, " : ",
                                 f.container_ip.str(), " . ", f.container_port);
    if (any_address(f)) {
      any.push_back(rest);
    } else {
      at.push_back(cat(f.host_ip.str(), " . ", rest));
    }
  }
  constexpr std::string_view kTarget = " : ipv4_addr . inet_service";
  return cat(
      set_of(kPublishedAny, cat("inet_proto . inet_service", kTarget), "map", any),
      set_of(kPublishedAt, cat("ipv4_addr . inet_proto . inet_service", kTarget), "map", at));
}

NetlinkMessage nft_message(uint16_t type, uint16_t flags) {
  const nfgenmsg header{NFPROTO_IPV4, NFNETLINK_V0, 0};
  return {static_cast<uint16_t>(NFNL_SUBSYS_NFTABLES << 8U | type), flags, header};
}

NetlinkMessage element_message(uint16_t type, uint16_t flags, const std::string& table,
                               const Forward& forward) {
  NetlinkMessage message = nft_message(type, flags);
  message.put_text(NFTA_SET_ELEM_LIST_TABLE, table);
  message.put_text(NFTA_SET_ELEM_LIST_SET, any_address(forward) ? kPublishedAny : kPublishedAt);
  message.nest(NFTA_SET_ELEM_LIST_ELEMENTS, [&] {
    message.nest(NFTA_LIST_ELEM, [&] {
      message.nest(NFTA_SET_ELEM_KEY, [&] { message.put_bytes(NFTA_DATA_VALUE, key_of(forward)); });
      if (type != NFT_MSG_NEWSETELEM) return;
      const std::string target =
          concatenate({forward.container_ip.wire(), padded(forward.container_port)});
      message.nest(NFTA_SET_ELEM_DATA, [&] { message.put_bytes(NFTA_DATA_VALUE, target); });
    });
  });
  return message;
}

Result<> send_elements(uint16_t type, uint16_t flags, const std::string& table,
                       std::span<const Forward> forwards) {
  if (forwards.empty()) return {};
  std::vector<NetlinkMessage> messages;
  for (const Forward& f : forwards) messages.push_back(element_message(type, flags, table, f));
  return TRY(sys::NetlinkSocket::open(NETLINK_NETFILTER)).send_nft_batch(messages);
}

std::string table_name_of(const std::string& instance) {
  std::string name = "skiff_";
  for (const char c : instance) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    name += plain ? c : '_';
  }
  return name;
}

// One script is one transaction. libnftables would do the same without a process, but its
// licence (GPL) does not fit ours.
Result<> run_nft(const std::string& script) {
  Result<sys::Captured> run = sys::run_captured({.args = {"nft", "-f", "-"}}, script);
  if (!run && run.error().code() == Code::kNotFound) {  // sbin may be missing in PATH
    run = sys::run_captured({.args = {"/usr/sbin/nft", "-f", "-"}}, script);
  }
  if (!run && run.error().code() == Code::kNotFound) {
    return Error(Code::kFailedPrecondition,
                 "the program nft was not found: install the package nftables");
  }
  const sys::Captured captured = TRY(std::move(run));
  if (captured.code == 0) return {};
  return Error(Code::kInternal, cat("nft failed: ", trim(captured.err)));
}

}  // namespace

NftTable::NftTable(const std::string& instance) : name_(table_name_of(instance)) {}

Result<> NftTable::replace(const std::vector<NftBridge>& bridges,
                           const std::vector<Forward>& forwards) {
  // Declared first, so that deleting it is right whether it was there or not.
  const std::string script =
      cat("table ip ", name_, " {}\ndelete table ip ", name_, "\ntable ip ", name_, " {\n",
          sets_of_bridges(bridges), maps_of_ports(forwards), kChains, "}\n");
  return run_nft(script).context(cat("write nftables table ip ", name_));
}

Result<> NftTable::publish(std::span<const Forward> forwards) {
  return send_elements(NFT_MSG_NEWSETELEM, NLM_F_CREATE, name_, forwards)
      .context(cat("publish ports in nftables table ip ", name_));
}

Result<> NftTable::unpublish(std::span<const Forward> forwards) {
  Result<> done = send_elements(NFT_MSG_DELSETELEM, 0, name_, forwards);
  if (!done && done.error().sys_errno() == ENOENT) return {};
  return std::move(done).context(cat("withdraw ports from nftables table ip ", name_));
}

Result<> NftTable::remove() {
  NetlinkMessage message = nft_message(NFT_MSG_DELTABLE, 0);
  message.put_text(NFTA_TABLE_NAME, name_);
  Result<> done = TRY(sys::NetlinkSocket::open(NETLINK_NETFILTER)).send_nft_batch({&message, 1});
  if (!done && done.error().sys_errno() == ENOENT) return {};
  return std::move(done).context(cat("delete nftables table ip ", name_));
}

}  // namespace skiff::network
