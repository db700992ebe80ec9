// Which requests are answered from the memory of the metadata's database alone, so that a server's
// own thread may answer them (net/http_server.h, ServerOptions::quick; decision 016).
#pragma once

#include "registry/access.h"

namespace skiff::registry {

// A HEAD of a blob opens its file and renews its lease, a page of tags may be long, and a password
// that is not known takes its hash's time: none of them is quick.
bool is_quick(const net::Request& request, Authorizer& access);

}  // namespace skiff::registry
