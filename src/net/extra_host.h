// An entry of --add-host: a name, and the address that /etc/hosts is to give it.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace skiff::net {

// In place of an address: the host's, as containers of the default network see it.
inline constexpr std::string_view kHostGateway = "host-gateway";

struct ExtraHost {
  std::string name;
  std::string address;  // without brackets; or kHostGateway

  std::string str() const;  // "name:address"
};

// "name:address"; the first of `separators` ends the name. An address may stand in brackets.
// kInvalidArgument in Docker's words.
Result<ExtraHost> parse_extra_host(std::string_view entry, std::string_view separators = ":");

}  // namespace skiff::net
