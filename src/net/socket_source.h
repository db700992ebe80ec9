// Where internet sockets come from: socket(2), unless the program says otherwise. A rootless
// daemon lives in a network namespace of its own, and reaches and serves its host's network
// through sockets that somebody on that side opens for it.
#pragma once

#include <functional>

#include "base/result.h"
#include "base/unique_fd.h"

namespace skiff::net {

// domain, type, protocol, as in socket(2); close-on-exec.
using SocketSource = std::function<Result<UniqueFd>(int, int, int)>;

// Set once, before there are other threads.
void set_socket_source(SocketSource source);
Result<UniqueFd> make_internet_socket(int domain, int type, int protocol);

}  // namespace skiff::net
