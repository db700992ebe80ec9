// moby.buildkit.v1.frontend.LLBBridge: what a frontend asks of the daemon; stock clients ask in its
// place. Only the frontend for Dockerfiles is served, not LLB of the client's own.
#pragma once

#include "buildkit/frontend_build.h"
#include "buildkit/history.h"
#include "buildkit/rpc_server.h"
#include "buildkit/worker.h"

namespace skiff::buildkit {

namespace wire {
class GatewaySolveRequest;
}

class GatewayService {
 public:
  GatewayService(const WorkerFacts& worker, BuildTools tools, Builds& builds, History& history)
      : worker_(worker), tools_(std::move(tools)), builds_(builds), history_(history) {}

  Result<> ping(RpcCall& call);
  std::optional<RpcFailure> solve(RpcCall& call);
  Result<> return_result(RpcCall& call);
  Result<> inputs(RpcCall& call);
  Result<> evaluate(RpcCall& call);
  Result<> warn(RpcCall& call);

 private:
  using Inputs = std::map<std::string, std::shared_ptr<const KeptResult>>;
  std::shared_ptr<Build> build_of(const RpcCall& call);
  Result<Inputs> inputs_of(const wire::GatewaySolveRequest& request);

  const WorkerFacts& worker_;
  BuildTools tools_;
  Builds& builds_;
  History& history_;
};

}  // namespace skiff::buildkit
