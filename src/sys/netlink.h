// Netlink: requests to the kernel's network configuration, rtnetlink and nfnetlink alike.
//
//   NetlinkMessage up(RTM_NEWLINK, 0, ifinfomsg{...});
//   up.put_text(IFLA_IFNAME, "skiff0");
//   up.nest(IFLA_LINKINFO, [&] { up.put_text(IFLA_INFO_KIND, "bridge"); });
//   NetlinkSocket socket = TRY(NetlinkSocket::open(NETLINK_ROUTE));
//   TRY(socket.send(std::move(up)));
//
// Errors carry the kernel's own explanation where it gives one. A socket belongs to the
// network namespace it was opened in and to one thread at a time.
#pragma once

#include <linux/netlink.h>

#include <cstdint>
#include <cstring>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"

namespace skiff::sys {

class NetlinkMessage {
 public:
  // `header` is the family's fixed part: ifinfomsg, rtmsg, nfgenmsg...
  template <typename Header>
  NetlinkMessage(uint16_t type, uint16_t flags, const Header& header) : type_(type), flags_(flags) {
    append(&header, sizeof header);
  }

  template <typename T>
    requires std::is_trivially_copyable_v<T>
  void put(uint16_t attribute, const T& value) {
    put_bytes(attribute, {reinterpret_cast<const char*>(&value), sizeof value});
  }
  void put_text(uint16_t attribute, std::string_view text);  // with the final NUL
  void put_bytes(uint16_t attribute, std::string_view bytes);
  // An attribute whose content is what `fill` puts.
  template <typename Fill>
  void nest(uint16_t attribute, Fill fill) {
    const size_t start = open_nest(attribute);
    fill();
    close_nest(start);
  }
  // A bare structure inside a nest (the peer's ifinfomsg of a veth).
  void append(const void* data, size_t size);

  uint16_t type() const { return type_; }
  uint16_t flags() const { return flags_; }
  const std::string& body() const { return body_; }

 private:
  size_t open_nest(uint16_t attribute);
  void close_nest(size_t start);

  uint16_t type_;
  uint16_t flags_;
  std::string body_;
};

// The attributes of a message; views into its bytes.
class NetlinkAttributes {
 public:
  explicit NetlinkAttributes(std::string_view bytes) : bytes_(bytes) {}
  // The content of the first attribute of that type, or an empty view.
  std::string_view find(uint16_t attribute) const;
  std::string text(uint16_t attribute) const;  // without the final NUL
  uint32_t number(uint16_t attribute) const;   // 0 when absent
  NetlinkAttributes nested(uint16_t attribute) const { return NetlinkAttributes(find(attribute)); }

 private:
  std::string_view bytes_;
};

class NetlinkSocket {
 public:
  static Result<NetlinkSocket> open(int protocol);  // NETLINK_ROUTE, NETLINK_NETFILTER

  // Sends the messages in one go and waits until the kernel has done them all. Each is
  // tried; the first failure is returned.
  Result<> send(std::span<const NetlinkMessage> messages);
  Result<> send(const NetlinkMessage& message) { return send(std::span(&message, 1)); }
  // The same as one transaction of nf_tables: all or nothing.
  Result<> send_nft_batch(std::span<const NetlinkMessage> messages);
  // Visits each message of the answer: its payload behind the netlink header.
  using Visitor = std::function<void(uint16_t type, std::string_view payload)>;
  Result<> dump(const NetlinkMessage& request, const Visitor& visit);

 private:
  explicit NetlinkSocket(UniqueFd fd) : fd_(std::move(fd)) {}
  uint32_t add(std::string& out, const NetlinkMessage& message, uint16_t more_flags);
  Result<> transmit(const std::string& bytes);
  Result<std::string> receive();
  Result<> await_answers(uint32_t first, size_t count);

  UniqueFd fd_;
  uint32_t sequence_ = 1;
};

// Runs `action` on a thread of its own inside the network namespace `netns`; the caller
// waits. /proc/sys/net is that namespace's there.
Result<> run_in_network_namespace(int netns, const std::function<Result<>()>& action);

}  // namespace skiff::sys
