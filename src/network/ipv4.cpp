#include "network/ipv4.h"

#include <arpa/inet.h>

#include <algorithm>

#include "base/strings.h"

namespace skiff::network {

namespace {

uint32_t mask_of(int prefix) { return prefix == 0 ? 0 : ~uint32_t{0} << (32 - prefix); }

}  // namespace

Result<Ipv4> Ipv4::parse(std::string_view text) {
  in_addr parsed{};
  if (::inet_pton(AF_INET, std::string(text).c_str(), &parsed) != 1) {
    return Error(Code::kInvalidArgument, cat("invalid IPv4 address ", quoted(text)));
  }
  return Ipv4{ntohl(parsed.s_addr)};
}

std::string Ipv4::str() const {
  return cat(bits >> 24U, '.', bits >> 16U & 255U, '.', bits >> 8U & 255U, '.', bits & 255U);
}

uint32_t Ipv4::wire() const { return htonl(bits); }

Result<Subnet> Subnet::parse(std::string_view text) {
  const auto invalid = [&] {
    return Error(Code::kInvalidArgument, cat("invalid IPv4 subnet ", quoted(text)));
  };
  const auto parts = split_once(text, '/');
  if (!parts) return invalid();
  const Result<Ipv4> ip = Ipv4::parse(parts->first);
  const auto prefix = parse_uint(parts->second);
  if (!ip || !prefix || *prefix > 32) return invalid();
  return of(*ip, static_cast<int>(*prefix));
}

Subnet Subnet::of(Ipv4 any, int prefix) { return {{any.bits & mask_of(prefix)}, prefix}; }

std::string Subnet::str() const { return cat(address.str(), '/', prefix); }

Ipv4 Subnet::broadcast() const { return {address.bits | ~mask_of(prefix)}; }

bool Subnet::overlaps(const Subnet& other) const {
  const int shorter = std::min(prefix, other.prefix);
  return of(address, shorter) == of(other.address, shorter);
}

Result<Subnet> choose_free_subnet(const std::vector<Subnet>& occupied) {
  const auto free = [&](const Subnet& candidate) {
    return std::ranges::none_of(occupied,
                                [&](const Subnet& taken) { return taken.overlaps(candidate); });
  };
  for (uint32_t second = 17; second <= 31; ++second) {
    const Subnet candidate = Subnet::of({172U << 24U | second << 16U}, 16);
    if (free(candidate)) return candidate;
  }
  for (uint32_t third = 0; third < 256; third += 16) {
    const Subnet candidate = Subnet::of({192U << 24U | 168U << 16U | third << 8U}, 20);
    if (free(candidate)) return candidate;
  }
  return Error(Code::kResourceExhausted,
               "could not find an available, non-overlapping IPv4 address pool among the defaults "
               "to assign to the network");
}

}  // namespace skiff::network
