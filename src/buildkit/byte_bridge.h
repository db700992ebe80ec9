// Bridges: gRPC wants a socket that it can read from the first byte on. Where a connection is
// something else, it gets one end of a pair, and threads carry the bytes to and from the other.
#pragma once

#include <functional>

#include "base/unique_fd.h"
#include "buildkit/rpc_channel.h"
#include "buildkit/rpc_server.h"
#include "net/http_server.h"
#include "net/worker_threads.h"

namespace skiff::buildkit {

// The connection itself where it is plain and nothing of it was read. Threads are taken from
// `threads`, and end when either side closes.
Result<UniqueFd> socket_for(net::Hijacked connection, net::WorkerThreads& threads);

// Of a call whose messages are pieces of a byte stream (Control.Session): serves it until either
// side ends. `hand_over` gets the socket that leads to the client.
Result<> tunnel(RpcCall& call, const std::function<void(UniqueFd)>& hand_over);

// The same for a call of ours: the bytes of `socket` go to the client, and back.
Result<> tunnel(RpcClientCall& call, UniqueFd socket);

}  // namespace skiff::buildkit
