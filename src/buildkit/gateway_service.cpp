#include "buildkit/gateway_service.h"

#include <algorithm>

#include "base/strings.h"
#include "buildkit/client_answers.h"
#include "buildkit/fetched_source.h"
#include "buildkit/go_mode.h"
#include "buildkit/remote_definition.h"
#include "buildkit/result_definition.h"
#include "codec/hash.h"
#include "gateway.pb.h"
#include "net/url.h"

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
  if (request->frontend().empty() && request->definition().def_size() > 0) {
    auto fetched = tell_source(call, *build, *order, request->definition());
    if (!fetched) return failed(std::move(fetched.error()));
    return std::nullopt;
  }
  const std::map<std::string, std::string> given{request->frontend_opt().begin(),
                                                 request->frontend_opt().end()};
  const auto known = check_frontend(request->frontend(), given);
  // Clients put the name of any other code before the text, and do so twice.
  if (!known) return failed(Error(Code::kUnknown, known.error().message()));
  if (!is_question(given)) history_.begin(build, request->frontend(), given, order->exporters);
  auto options = decode_frontend_options(given);
  if (!options) return failed(Error(Code::kUnknown, options.error().message()));
  if (auto taken = take_inputs(*request, *options); !taken) return failed(std::move(taken.error()));
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

// Results of ours, and repositories: as the context, whose Dockerfile they have, too, or as what a
// named context is ("input:NAME").
Result<> GatewayService::take_inputs(const wire::GatewaySolveRequest& request,
                                     FrontendOptions& options) {
  for (const auto& [name, definition] : request.frontend_inputs()) {
    if (const auto ref = build_of_definition(definition)) {
      auto result = builds_.result_of(*ref);
      if (!result) return Error(Code::kNotFound, cat("input ", name, ": that build is over"));
      options.inputs[name] = std::move(result);
      continue;
    }
    const auto source = remote_source_of(definition);
    if (!source || !source->file_name.empty()) {
      return Error(
          Code::kUnimplemented,
          cat("input ", name, ": LLB of clients is not served, only results of builds and ",
              "git repositories"));
    }
    const auto is_it = [&](const auto& named) { return named.second == cat("input:", name); };
    const auto named = std::ranges::find_if(options.contexts, is_it);
    const bool is_context = named == options.contexts.end();
    if (source->part.empty()) {
      (is_context ? options.remote_context : named->second) = source->url;
    } else if (!is_context) {
      options.parts[name] = *source;
    } else {
      return Error(Code::kUnimplemented, cat("input ", name,
                                             ": a context that is a part of a "
                                             "repository, in its directory"));
    }
  }
  return {};
}

Result<std::shared_ptr<const FetchedSource>> GatewayService::fetch(const RemoteSource& source,
                                                                   Build& build,
                                                                   const BuildOrder& order) {
  const auto session =
      TRY(order.session.empty() ? Sessions::silent() : tools_.sessions.find(order.session));
  const TempDir sockets = TRY(TempDir::make(tools_.scratch, "agents-"));
  ClientAnswers answers(session, sockets.path(), build.cancelled());
  builder::BuildRequest asks;
  asks.find_secret = [&](const std::string& id) { return answers.secret(id); };
  asks.find_ssh_agent = [&](const std::string& id) { return answers.ssh_agent(id); };
  const std::string vertex =
      build.progress().start(cat("[internal] load remote source ", net::shown_url(source.url)));
  auto fetched = FetchedSource::fetch(source, asks, tools_.scratch, build.cancelled());
  build.progress().finish(vertex, fetched ? "" : fetched.error().message());
  return fetched;
}

Result<> GatewayService::tell_source(RpcCall& call, Build& build, const BuildOrder& order,
                                     const wire::Definition& definition) {
  const auto source = remote_source_of(definition);
  if (!source || !source->part.empty()) {
    return Error(Code::kUnimplemented,
                 "LLB of clients is not served, only Dockerfiles and the files of remote sources");
  }
  const std::string ref =
      cat(build.ref(), "-", sha256_hex(definition.def(definition.def_size() - 1)).substr(0, 16));
  build.keep_source(ref, TRY(fetch(*source, build, order)));
  wire::GatewaySolveResponse reply;
  wire::Ref* named = reply.mutable_result()->mutable_ref();
  named->set_id(ref);
  *named->mutable_def() = definition;
  return write_message(call, reply);
}

Result<std::shared_ptr<const FetchedSource>> GatewayService::source_of(const RpcCall& call,
                                                                       const std::string& ref) {
  if (auto source = build_of(call)->source(ref)) return source;
  return Error(Code::kUnimplemented,
               cat("no files can be read of ", quoted(ref), ", only of remote sources"));
}

Result<> GatewayService::stat_file(RpcCall& call) {
  const auto request = TRY(read_message<wire::StatFileRequest>(call));
  const auto source = TRY(source_of(call, request.ref()));
  const FetchedSource::Stat found = TRY(source->stat(request.path()));
  wire::StatFileResponse reply;
  wire::Stat* stat = reply.mutable_stat();
  stat->set_path(request.path());
  stat->set_mode(to_go_mode(found.mode));
  stat->set_size(static_cast<int64_t>(found.size));
  stat->set_mod_time(found.modified);
  return write_message(call, reply);
}

Result<> GatewayService::read_file(RpcCall& call) {
  const auto request = TRY(read_message<wire::ReadFileRequest>(call));
  const auto source = TRY(source_of(call, request.ref()));
  if (request.range().offset() < 0 || request.range().length() < 0) {
    return Error(Code::kInvalidArgument, cat("read ", request.file_path(), ": a negative range"));
  }
  wire::ReadFileResponse reply;
  reply.set_data(
      TRY(source->read(request.file_path(), static_cast<uint64_t>(request.range().offset()),
                       static_cast<uint64_t>(request.range().length()))));
  return write_message(call, reply);
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
