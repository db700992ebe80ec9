// Which requests are answered from the memory of the metadata's database alone, so that a server's
// own thread may answer them (net/http_server.h, ServerOptions::quick; decision 016).
#pragma once

#include "net/http_server.h"

namespace skiff::registry {

// A HEAD of a blob renews its lease, a page of tags may be long, and a password takes its hash's
// time: none of them is quick.
bool is_quick(const net::Request& request);

}  // namespace skiff::registry
