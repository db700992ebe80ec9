#include "buildkit/buildkit_server.h"

#include <map>
#include <string_view>

#include "base/strings.h"
#include "buildkit/byte_bridge.h"
#include "buildkit/content_service.h"
#include "buildkit/control_service.h"
#include "buildkit/gateway_service.h"
#include "buildkit/http_builds.h"
#include "control.pb.h"

namespace skiff::buildkit {

namespace {

using Answer = std::function<std::optional<RpcFailure>(RpcCall&)>;

Result<> check_health(RpcCall& call) {
  constexpr int kServing = 1;
  wire::HealthCheckResponse reply;
  reply.set_status(kServing);
  return write_message(call, reply);
}

// What clients tell of themselves (traces) is taken and dropped.
Result<> drop(RpcCall& call) {
  TRY(call.read());
  return call.write("");
}

class Server final : public BuildkitServer {
 public:
  Server(Options options, std::unique_ptr<History> history, builder::Builder& builder,
         images::ImageStore& images, const Clock& clock)
      : options_(std::move(options)),
        history_(std::move(history)),
        builds_(clock),
        control_(options_.worker, builder, builds_, sessions_, *history_),
        gateway_(options_.worker, tools(builder, images), builds_, *history_),
        content_(*history_, images.content()),
        http_builds_(tools(builder, images), builds_, *history_) {
    add_control();
    add_gateway();
    add_others();
  }

  // What an earlier daemon's builds left goes.
  Result<> open() {
    TRY(remove_tree(options_.scratch));
    TRY(make_directories(options_.scratch, 0700));
    rpc_ = TRY(RpcServer::start([this](RpcCall& call) { return answer(call); }));
    return {};
  }

  Result<> serve(net::Hijacked connection) override {
    rpc_->serve(TRY(socket_for(std::move(connection), threads_)));
    return {};
  }

  Result<> add_session(SessionFacts facts, net::Hijacked connection) override {
    sessions_.add(std::move(facts), TRY(socket_for(std::move(connection), threads_)));
    return {};
  }

  HttpBuilds& http_builds() override { return http_builds_; }

 private:
  BuildTools tools(builder::Builder& builder, images::ImageStore& images) {
    return {builder, images, sessions_, options_.scratch};
  }

  template <typename Service>
  void add(std::string_view method, Service& service, Result<> (Service::*serve_it)(RpcCall&)) {
    answers_[std::string(method)] = [&service, serve_it](RpcCall& call) {
      return failure_of((service.*serve_it)(call));
    };
  }

  static std::optional<RpcFailure> failure_of(Result<> done) {
    if (done) return std::nullopt;
    return RpcFailure{std::move(done.error()), ""};
  }

  void add_control() {
    add("/moby.buildkit.v1.Control/ListWorkers", control_, &ControlService::list_workers);
    add("/moby.buildkit.v1.Control/Info", control_, &ControlService::info);
    add("/moby.buildkit.v1.Control/DiskUsage", control_, &ControlService::disk_usage);
    add("/moby.buildkit.v1.Control/Prune", control_, &ControlService::prune);
    add("/moby.buildkit.v1.Control/Status", control_, &ControlService::status);
    add("/moby.buildkit.v1.Control/Session", control_, &ControlService::session);
    add("/moby.buildkit.v1.Control/ListenBuildHistory", control_,
        &ControlService::listen_build_history);
    add("/moby.buildkit.v1.Control/UpdateBuildHistory", control_,
        &ControlService::update_build_history);
    answers_["/moby.buildkit.v1.Control/Solve"] = [this](RpcCall& call) {
      return control_.solve(call);
    };
  }

  void add_gateway() {
    const std::string bridge = "/moby.buildkit.v1.frontend.LLBBridge/";
    add(bridge + "Ping", gateway_, &GatewayService::ping);
    add(bridge + "Return", gateway_, &GatewayService::return_result);
    add(bridge + "Inputs", gateway_, &GatewayService::inputs);
    add(bridge + "Evaluate", gateway_, &GatewayService::evaluate);
    add(bridge + "StatFile", gateway_, &GatewayService::stat_file);
    add(bridge + "ReadFile", gateway_, &GatewayService::read_file);
    add(bridge + "Warn", gateway_, &GatewayService::warn);
    answers_[bridge + "Solve"] = [this](RpcCall& call) { return gateway_.solve(call); };
  }

  void add_others() {
    const std::string content = "/containerd.services.content.v1.Content/";
    add(content + "Info", content_, &ContentService::info);
    add(content + "Read", content_, &ContentService::read);
    answers_["/grpc.health.v1.Health/Check"] = [](RpcCall& call) {
      return failure_of(check_health(call));
    };
    answers_["/opentelemetry.proto.collector.trace.v1.TraceService/Export"] = [](RpcCall& call) {
      return failure_of(drop(call));
    };
  }

  std::optional<RpcFailure> answer(RpcCall& call) {
    const auto found = answers_.find(call.method());
    if (found != answers_.end()) return found->second(call);
    return RpcFailure{Error(Code::kUnimplemented, cat(call.method(), " is not served")), ""};
  }

  Options options_;
  net::WorkerThreads threads_;  // of bridges: they end with the connections of what follows
  std::unique_ptr<History> history_;
  Builds builds_;
  Sessions sessions_;
  ControlService control_;
  GatewayService gateway_;
  ContentService content_;
  HttpBuilds http_builds_;
  std::map<std::string, Answer, std::less<>> answers_;
  std::unique_ptr<RpcServer> rpc_;
};

}  // namespace

Result<std::unique_ptr<BuildkitServer>> BuildkitServer::start(Options options,
                                                              builder::Builder& builder,
                                                              images::ImageStore& images,
                                                              const Clock& clock) {
  auto history = TRY_CONTEXT(History::open(options.history, clock), "builds of earlier");
  auto server =
      std::make_unique<Server>(std::move(options), std::move(history), builder, images, clock);
  TRY(server->open());
  return std::unique_ptr<BuildkitServer>(std::move(server));
}

}  // namespace skiff::buildkit
