// RpcServer: serves gRPC calls that come on sockets it is given: upgraded ones, and such that
// spoke HTTP/2 from the start.
//
//   auto server = TRY(RpcServer::start(answer));
//   server->serve(std::move(socket));        // as often as there are connections
#pragma once

#include <functional>
#include <memory>

#include "base/cancellation.h"
#include "base/unique_fd.h"
#include "buildkit/rpc.h"

namespace skiff::buildkit {

// A call as the server sees it.
class RpcCall : public RpcStream {
 public:
  virtual const std::string& method() const = 0;  // "/moby.buildkit.v1.Control/Solve"
  virtual const Metadata& metadata() const = 0;
  std::string metadata(std::string_view key) const {
    const auto found = metadata().find(key);
    return found == metadata().end() ? "" : found->second;
  }
  // Before the first write().
  virtual void add_header(const std::string& key, const std::string& value) = 0;
  // Cancelled when the client gives up the call, or is gone.
  virtual CancelToken cancelled() = 0;
  // Ends the call from here: reads and writes fail.
  virtual void cancel() = 0;
};

// Answers one call, on a thread of its own; nothing of it may use the call afterwards.
using RpcHandler = std::function<std::optional<RpcFailure>(RpcCall&)>;

class RpcServer {
 public:
  static Result<std::unique_ptr<RpcServer>> start(RpcHandler handler);
  // Cancels the calls at work and waits for them.
  virtual ~RpcServer() = default;
  virtual void serve(UniqueFd socket) = 0;
};

}  // namespace skiff::buildkit
