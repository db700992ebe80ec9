// moby.buildkit.v1.frontend.LLBBridge: what a frontend asks of the daemon; stock clients ask in its
// place. The frontend for Dockerfiles is served; of the client's own LLB, remote sources whose
// files it reads (remote_definition.h).
#pragma once

#include "buildkit/frontend_build.h"
#include "buildkit/history.h"
#include "buildkit/remote_definition.h"
#include "buildkit/rpc_server.h"
#include "buildkit/worker.h"

namespace skiff::buildkit {

namespace wire {
class Definition;
class GatewaySolveRequest;
}  // namespace wire

class GatewayService {
 public:
  GatewayService(const WorkerFacts& worker, BuildTools tools, Builds& builds, History& history)
      : worker_(worker), tools_(std::move(tools)), builds_(builds), history_(history) {}

  Result<> ping(RpcCall& call);
  std::optional<RpcFailure> solve(RpcCall& call);
  Result<> return_result(RpcCall& call);
  Result<> inputs(RpcCall& call);
  Result<> evaluate(RpcCall& call);
  Result<> stat_file(RpcCall& call);
  Result<> read_file(RpcCall& call);
  Result<> warn(RpcCall& call);

 private:
  std::shared_ptr<Build> build_of(const RpcCall& call);
  Result<> take_inputs(const wire::GatewaySolveRequest& request, FrontendOptions& options);
  Result<std::shared_ptr<const FetchedSource>> fetch(const RemoteSource& source, Build& build,
                                                     const BuildOrder& order);
  Result<> tell_source(RpcCall& call, Build& build, const BuildOrder& order,
                       const wire::Definition& definition);
  Result<std::shared_ptr<const FetchedSource>> source_of(const RpcCall& call,
                                                         const std::string& ref);

  const WorkerFacts& worker_;
  BuildTools tools_;
  Builds& builds_;
  History& history_;
};

}  // namespace skiff::buildkit
