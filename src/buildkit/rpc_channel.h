// RpcChannel: calls to the gRPC server at the other end of a socket: a client's session.
//
//   auto reply = TRY(channel.ask("/moby.buildkit.secrets.v1.Secrets/GetSecret", bytes, cancel));
//   auto call = channel.call("/moby.filesync.v1.FileSync/DiffCopy", metadata, cancel);
#pragma once

#include <memory>

#include "base/cancellation.h"
#include "base/unique_fd.h"
#include "buildkit/rpc.h"

namespace skiff::buildkit {

// A call as its client sees it. Given up, where it is not over, when destroyed.
class RpcClientCall : public RpcStream {
 public:
  // Nothing more will be written.
  virtual Result<> finish_writing() = 0;
  // What the server said at the end; after read() had nothing more.
  virtual Result<> finish() = 0;
  // Reads and writes fail from now on. From any thread.
  virtual void cancel() = 0;
};

// Thread-safe.
class RpcChannel {
 public:
  static std::unique_ptr<RpcChannel> over(UniqueFd socket);
  virtual ~RpcChannel() = default;
  virtual std::unique_ptr<RpcClientCall> call(const std::string& method, const Metadata& metadata,
                                              const CancelToken& cancel) = 0;
  // False once the connection is gone.
  virtual bool alive() const = 0;

  // A call of one message each way.
  Result<std::string> ask(const std::string& method, std::string_view request,
                          const CancelToken& cancel, const Metadata& metadata = {});
};

}  // namespace skiff::buildkit
