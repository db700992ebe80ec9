// The router of the distribution API: paths, methods, who may call them, errors as the
// specification words them.
#pragma once

#include "net/http_server.h"
#include "registry/call.h"

namespace skiff::registry {

// The handler to give an HttpServer; `context` must outlive the server.
net::Handler make_handler(const Context& context);

// Tells the observers of a request that the server refused before the handler saw it.
void observe_refused(const Context& context, int status, const std::string& remote);

}  // namespace skiff::registry
