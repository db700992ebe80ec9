// IP addresses as text.
#pragma once

#include <string>

namespace skiff::net {

// Of version 4 or 6, without a zone or a port.
bool is_ip_address(const std::string& text);

}  // namespace skiff::net
