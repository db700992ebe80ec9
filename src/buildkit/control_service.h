// moby.buildkit.v1.Control: what a client asks of the daemon as a whole.
#pragma once

#include "builder/builder.h"
#include "buildkit/builds.h"
#include "buildkit/history.h"
#include "buildkit/rpc_server.h"
#include "buildkit/sessions.h"
#include "buildkit/worker.h"

namespace skiff::buildkit {

class ControlService {
 public:
  ControlService(const WorkerFacts& worker, builder::Builder& builder, Builds& builds,
                 Sessions& sessions, History& history)
      : worker_(worker),
        builder_(builder),
        builds_(builds),
        sessions_(sessions),
        history_(history) {}

  Result<> list_workers(RpcCall& call);
  Result<> info(RpcCall& call);
  Result<> disk_usage(RpcCall& call);
  Result<> prune(RpcCall& call);
  std::optional<RpcFailure> solve(RpcCall& call);
  // Also of a build that is over.
  Result<> status(RpcCall& call);
  Result<> session(RpcCall& call);
  Result<> listen_build_history(RpcCall& call);
  Result<> update_build_history(RpcCall& call);

 private:
  const WorkerFacts& worker_;
  builder::Builder& builder_;
  Builds& builds_;
  Sessions& sessions_;
  History& history_;
};

}  // namespace skiff::buildkit
