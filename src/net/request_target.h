// What a request is addressed to: its target and its Host field (RFC 9112, 3.2).
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace skiff::net {

// The target without scheme and authority: "http://h/x?y" is "/x?y". kInvalidArgument for one of
// another form, with a fragment or with a % that begins no escape.
Result<std::string> origin_form(std::string_view method, std::string_view target);

// A name or address with a port, or nothing. Clients of a Unix socket may send its path.
bool is_host(std::string_view text);

}  // namespace skiff::net
