#include "net/extra_host.h"

#include "base/strings.h"
#include "net/ip_address.h"

namespace skiff::net {

std::string ExtraHost::str() const { return cat(name, ":", address); }

Result<ExtraHost> parse_extra_host(std::string_view entry, std::string_view separators) {
  const size_t at = entry.find_first_of(separators);
  if (at == 0 || at == std::string_view::npos) {
    return Error(Code::kInvalidArgument, cat("bad format for add-host: ", quoted(entry)));
  }
  std::string_view address = entry.substr(at + 1);
  if (address.size() > 2 && address.starts_with('[') && address.ends_with(']')) {
    address = address.substr(1, address.size() - 2);
  }
  ExtraHost out{.name = std::string(entry.substr(0, at)), .address = std::string(address)};
  if (address == kHostGateway || is_ip_address(out.address)) return out;
  return Error(Code::kInvalidArgument, cat("invalid IP address in add-host: ", quoted(address)));
}

}  // namespace skiff::net
