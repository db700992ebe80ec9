// The router of the distribution API: paths, methods, errors as the specification words them.
#pragma once

#include "net/http_server.h"
#include "registry/call.h"
#include "registry/htpasswd.h"

namespace skiff::registry {

// The handler to give an HttpServer. Both must outlive the server; `users` may be null: then
// anybody may do anything.
net::Handler make_handler(const Context& context, Htpasswd* users);

}  // namespace skiff::registry
