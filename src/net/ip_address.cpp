#include "net/ip_address.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>

namespace skiff::net {

namespace {

struct Block4 {
  uint32_t network;
  int bits;
  Reach reach;
};

constexpr uint32_t four(uint32_t a, uint32_t b, uint32_t c, uint32_t d) {
  return a << 24U | b << 16U | c << 8U | d;
}

constexpr Block4 kBlocks4[] = {
    {four(0, 0, 0, 0), 8, Reach::kNowhere},      {four(10, 0, 0, 0), 8, Reach::kInner},
    {four(100, 64, 0, 0), 10, Reach::kInner},    {four(127, 0, 0, 0), 8, Reach::kInner},
    {four(169, 254, 0, 0), 16, Reach::kNowhere}, {four(172, 16, 0, 0), 12, Reach::kInner},
    {four(192, 0, 0, 0), 24, Reach::kNowhere},   {four(192, 168, 0, 0), 16, Reach::kInner},
    {four(198, 18, 0, 0), 15, Reach::kNowhere},  {four(224, 0, 0, 0), 3, Reach::kNowhere},
};

Reach reach_of_4(uint32_t address) {
  for (const Block4& block : kBlocks4) {
    if (address >> (32 - block.bits) == block.network >> (32 - block.bits)) return block.reach;
  }
  return Reach::kPublic;
}

uint32_t four_at(const in6_addr& address, size_t place) {
  const uint8_t* b = address.s6_addr + place;
  return four(b[0], b[1], b[2], b[3]);
}

bool begins_with(const in6_addr& address, std::initializer_list<uint8_t> bytes) {
  return std::equal(bytes.begin(), bytes.end(), std::begin(address.s6_addr));
}

Reach reach_of_6(const in6_addr& address) {
  const uint8_t first = address.s6_addr[0];
  const uint8_t second = address.s6_addr[1];
  if (IN6_IS_ADDR_LOOPBACK(&address)) return Reach::kInner;
  // Mapped, compatible (with them the unspecified one), translated (RFC 6052), 6to4.
  if (IN6_IS_ADDR_V4MAPPED(&address)) return reach_of_4(four_at(address, 12));
  if (begins_with(address, {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0})) {
    return reach_of_4(four_at(address, 12));
  }
  if (begins_with(address, {0, 0x64, 0xFF, 0x9B, 0, 0, 0, 0, 0, 0, 0, 0})) {
    return reach_of_4(four_at(address, 12));
  }
  if (begins_with(address, {0x20, 0x02})) return reach_of_4(four_at(address, 2));
  if ((first & 0xFEU) == 0xFC) return Reach::kInner;  // unique local
  // Link-local, site-local, multicast, and all that is outside the global unicast block.
  if (first == 0xFE || first == 0xFF || (first & 0xE0U) != 0x20) return Reach::kNowhere;
  const bool teredo = first == 0x20 && second == 0x01 && begins_with(address, {0x20, 0x01, 0, 0});
  return teredo ? Reach::kNowhere : Reach::kPublic;
}

}  // namespace

bool is_ip_address(const std::string& text) {
  in6_addr address{};
  return ::inet_pton(AF_INET, text.c_str(), &address) == 1 ||
         ::inet_pton(AF_INET6, text.c_str(), &address) == 1;
}

std::string address_text(const sockaddr& address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (address.sa_family == AF_INET) {
    sockaddr_in four_address{};
    std::memcpy(&four_address, &address, sizeof four_address);
    ::inet_ntop(AF_INET, &four_address.sin_addr, text.data(), text.size());
  } else if (address.sa_family == AF_INET6) {
    sockaddr_in6 six{};
    std::memcpy(&six, &address, sizeof six);
    ::inet_ntop(AF_INET6, &six.sin6_addr, text.data(), text.size());
  }
  return text.data();
}

Reach reach_of(const sockaddr& address) {
  if (address.sa_family == AF_INET) {
    sockaddr_in four_address{};
    std::memcpy(&four_address, &address, sizeof four_address);
    return reach_of_4(ntohl(four_address.sin_addr.s_addr));
  }
  if (address.sa_family != AF_INET6) return Reach::kNowhere;
  sockaddr_in6 six{};
  std::memcpy(&six, &address, sizeof six);
  return reach_of_6(six.sin6_addr);
}

}  // namespace skiff::net
