// A port of the host: protocol, IPv4 address and number, as packets name it.
#pragma once

#include <netinet/in.h>

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/unique_fd.h"

namespace skiff::rootless {

struct HostPort {
  bool tcp = true;
  std::string address = "0.0.0.0";
  uint16_t number = 0;
  auto operator<=>(const HostPort&) const = default;

  // "tcp 0.0.0.0 8080"
  static Result<HostPort> parse(std::string_view protocol, std::string_view address,
                                std::string_view number);
  std::string str() const;
};

Result<sockaddr_in> socket_address(const std::string& address, uint16_t number);

struct BoundPort {
  UniqueFd socket;
  uint16_t number = 0;  // the chosen one, for 0
};
// Bound in the caller's network namespace; of TCP it listens.
Result<BoundPort> bind_port(const HostPort& port);

}  // namespace skiff::rootless
