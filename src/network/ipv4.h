// IPv4 addresses and subnets as values, and the choice of a free subnet.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace skiff::network {

struct Ipv4 {
  uint32_t bits = 0;  // in host byte order

  static Result<Ipv4> parse(std::string_view text);
  std::string str() const;
  uint32_t wire() const;  // in network byte order
  auto operator<=>(const Ipv4&) const = default;
};

// A network address and its prefix length; no host bits are set.
struct Subnet {
  Ipv4 address;
  int prefix = 0;

  // "10.1.2.0/24"; host bits are cleared, as Docker does.
  static Result<Subnet> parse(std::string_view text);
  static Subnet of(Ipv4 any, int prefix);
  std::string str() const;
  Ipv4 broadcast() const;
  Ipv4 nth(uint32_t n) const { return {address.bits + n}; }
  bool contains(Ipv4 ip) const { return of(ip, prefix) == *this; }
  bool overlaps(const Subnet& other) const;
  auto operator<=>(const Subnet&) const = default;
};

// The first of 172.17-31.0.0/16 and the /20s of 192.168.0.0/16 that overlaps none of
// `occupied`; kResourceExhausted when there is none.
Result<Subnet> choose_free_subnet(const std::vector<Subnet>& occupied);

}  // namespace skiff::network
