// IP addresses: as text, and where they lead.
#pragma once

#include <sys/socket.h>

#include <string>

namespace skiff::net {

// Of version 4 or 6, without a zone or a port.
bool is_ip_address(const std::string& text);

// "192.0.2.7", "2001:db8::1"; "" for what is none.
std::string address_text(const sockaddr& address);

// By the registries of special addresses (RFC 6890); those of version 6 that carry one of version
// 4 lead where that does.
enum class Reach {
  kPublic,
  kInner,    // this machine and private networks
  kNowhere,  // no server is there that anybody means: link-local (where clouds keep their machines'
             // secrets), multicast, reserved
};
Reach reach_of(const sockaddr& address);

}  // namespace skiff::net
