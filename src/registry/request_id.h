// The name of one request, in its answer, the logs and the registry's errors: 24 hexadecimal
// digits, or what the client, or a proxy before us, calls it in X-Request-Id.
#pragma once

#include <string>

#include "net/http_server.h"

namespace skiff::registry {

inline constexpr std::string_view kRequestIdField = "X-Request-Id";

// The client's where it is 1 to 64 letters, digits, '-', '_', '.': nothing that could be taken for
// more in a log. Thread-safe; no system call.
std::string request_id(const net::Request& request);

}  // namespace skiff::registry
