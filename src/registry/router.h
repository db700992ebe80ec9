// The router of the distribution API: paths, methods, who may call them, errors as the
// specification words them.
#pragma once

#include "net/http_server.h"
#include "registry/call.h"

namespace skiff::registry {

// The handler to give an HttpServer; `context` must outlive the server.
net::Handler make_handler(const Context& context);

}  // namespace skiff::registry
