#include "buildkit/gateway_service.h"

#include "base/strings.h"
#include "buildkit/result_definition.h"
#include "gateway.pb.h"

namespace skiff::buildkit {

namespace {

bool is_question(const std::map<std::string, std::string>& options) {
  const auto asked = options.find("requestid");
  return asked != options.end() && !asked->second.empty();
}

}  // namespace

std::shared_ptr<Build> GatewayService::build_of(const RpcCall& call) {
  return builds_.get(call.RpcCall::metadata("buildkit-controlapi-buildid"));
}

Result<> GatewayService::ping(RpcCall& call) {
  wire::PongResponse reply;
  describe_capabilities(worker_, reply);
  return write_message(call, reply);
}

std::optional<RpcFailure> GatewayService::solve(RpcCall& call) {
  const auto failed = [](Error error) { return RpcFailure{std::move(error), ""}; };
  const auto request = read_message<wire::GatewaySolveRequest>(call);
  if (!request) return failed(request.error());
  const std::shared_ptr<Build> build = build_of(call);
  auto order = build->order();
  if (!order) return failed(std::move(order.error()));
  const std::map<std::string, std::string> given{request->frontend_opt().begin(),
                                                 request->frontend_opt().end()};
  if (!is_dockerfile_frontend(request->frontend(), given)) {
    return failed(Error(Code::kUnimplemented,
                        request->frontend().empty()
                            ? std::string("LLB of clients is not served, only Dockerfiles")
                            : cat("frontend ", quoted(request->frontend()), " is not served")));
  }
  if (!is_question(given)) history_.begin(build, request->frontend(), given, order->exporters);
  auto options = decode_frontend_options(given);
  // Clients put the name of any other code before the text, and do so twice.
  if (!options) return failed(Error(Code::kUnknown, options.error().message()));
  auto inputs = inputs_of(*request);
  if (!inputs) return failed(std::move(inputs.error()));
  options->inputs = std::move(*inputs);
  const bool asks = !options->question.empty();
  FrontendBuild frontend(tools_, *build, std::move(*order), std::move(*options));
  wire::GatewaySolveResponse reply;
  if (asks) {
    auto answered = frontend.answer();
    if (!answered) return frontend.failure_of(answered.error());
    reply.mutable_result()->mutable_metadata()->insert(answered->begin(), answered->end());
  } else {
    BuildOutcome outcome = frontend.run();
    const std::optional<RpcFailure> failure = outcome.failure;
    build->set_outcome(std::move(outcome));
    if (failure) return failure;
    wire::Ref* ref = reply.mutable_result()->mutable_ref();
    ref->set_id(build->ref());
    *ref->mutable_def() = definition_of(build->ref());
  }
  if (auto sent = write_message(call, reply); !sent) return failed(std::move(sent.error()));
  return std::nullopt;
}

// Only results of ours can be an input.
Result<GatewayService::Inputs> GatewayService::inputs_of(const wire::GatewaySolveRequest& request) {
  Inputs out;
  for (const auto& [name, definition] : request.frontend_inputs()) {
    const auto ref = build_of_definition(definition);
    if (!ref) {
      return Error(Code::kUnimplemented,
                   cat("input ", name, ": LLB of clients is not served, only results of builds"));
    }
    auto result = builds_.result_of(*ref);
    if (!result) return Error(Code::kNotFound, cat("input ", name, ": that build is over"));
    out[name] = std::move(result);
  }
  return out;
}

Result<> GatewayService::return_result(RpcCall& call) {
  const auto request = TRY(read_message<wire::ReturnRequest>(call));
  std::optional<RpcFailure> failure;
  if (request.has_error()) {
    const int code = request.error().code();
    failure = RpcFailure{
        Error(code > 0 ? static_cast<Code>(code - 1) : Code::kUnknown, request.error().message()),
        request.error().SerializeAsString()};
  }
  const std::shared_ptr<Build> build = build_of(call);
  TRY(build->order());  // Control.Solve may come after this
  build->end(std::move(failure));
  return call.write("");
}

// None are passed on: what a build needs of another one comes with its request.
Result<> GatewayService::inputs(RpcCall& call) {
  return write_message(call, wire::InputsResponse());
}

// A result is there as soon as the client has its name.
Result<> GatewayService::evaluate(RpcCall& call) {
  TRY(call.read());
  return call.write("");
}

Result<> GatewayService::warn(RpcCall& call) {
  const auto request = TRY(read_message<wire::WarnRequest>(call));
  build_of(call)->progress().warn(request.digest(),
                                  {.text = request.short_(), .url = request.url()});
  return call.write("");
}

}  // namespace skiff::buildkit
