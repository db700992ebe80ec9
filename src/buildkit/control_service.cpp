#include "buildkit/control_service.h"

#include <functional>
#include <thread>

#include "base/log.h"
#include "buildkit/byte_bridge.h"
#include "buildkit/waiting.h"
#include "buildkit/wire_time.h"
#include "control.pb.h"

namespace skiff::buildkit {

namespace {

BuildOrder order_of(const wire::SolveRequest& request) {
  BuildOrder order{.session = request.session()};
  for (const wire::Exporter& exporter : request.exporters()) {
    order.exporters.push_back(
        {exporter.type(), {exporter.attrs().begin(), exporter.attrs().end()}});
  }
  if (order.exporters.empty() && !request.exporter().empty()) {
    order.exporters.push_back(
        {request.exporter(), {request.exporter_attrs().begin(), request.exporter_attrs().end()}});
  }
  for (const wire::CacheOptionsEntry& cache : request.cache().exports()) {
    order.cache_exports.push_back({cache.type(), {cache.attrs().begin(), cache.attrs().end()}});
  }
  for (const wire::CacheOptionsEntry& cache : request.cache().imports()) {
    order.cache_imports.push_back({cache.type(), {cache.attrs().begin(), cache.attrs().end()}});
  }
  order.entitlements = {request.entitlements().begin(), request.entitlements().end()};
  return order;
}

// What comes until there is no more; `stop` ends that when the client has gone.
Result<> pass_on(RpcCall& call, const std::function<std::optional<std::string>()>& next,
                 const std::function<void()>& stop) {
  const CancelToken gone = call.cancelled();
  CancelSource over;
  std::thread watch([&] {
    wait_for(gone, over.token());
    stop();
  });
  Result<> sent;
  while (sent) {
    const std::optional<std::string> message = next();
    if (!message) break;
    sent = call.write(*message);
  }
  over.cancel();
  watch.join();
  return sent;
}

void describe_record(const builder::CacheRecord& record, wire::UsageRecord& out) {
  out.set_id(record.id);
  out.set_mutable_(solver::is_mutable(record.kind));
  out.set_in_use(record.in_use);
  out.set_size(static_cast<int64_t>(record.size));
  set_time(out.mutable_created_at(), record.created);
  set_time(out.mutable_last_used_at(), record.last_used);
  out.set_usage_count(record.usage_count);
  out.set_description(record.description);
  out.set_record_type(std::string(solver::type_name(record.kind)));
  out.set_shared(record.shared);
  if (!record.parent.empty()) out.add_parents(record.parent);
}

Result<builder::RecordFilter> filter_of(
    const google::protobuf::RepeatedPtrField<std::string>& texts) {
  return builder::RecordFilter::parse({texts.begin(), texts.end()});
}

// Clients count in signed numbers.
uint64_t bytes_of(int64_t given) { return given > 0 ? static_cast<uint64_t>(given) : 0; }

}  // namespace

Result<> ControlService::list_workers(RpcCall& call) {
  wire::ListWorkersResponse reply;
  describe_worker(worker_, *reply.add_record());
  return write_message(call, reply);
}

Result<> ControlService::info(RpcCall& call) {
  wire::InfoResponse reply;
  describe_version(*reply.mutable_version());
  return write_message(call, reply);
}

Result<> ControlService::disk_usage(RpcCall& call) {
  const auto request = TRY(read_message<wire::DiskUsageRequest>(call));
  const auto filter = TRY(filter_of(request.filter()));
  const auto since = Clock::system().now() - std::chrono::nanoseconds(request.age_limit());
  wire::DiskUsageResponse reply;
  for (const builder::CacheRecord& record : TRY(builder_.disk_usage())) {
    const bool young = request.age_limit() > 0 && record.last_used > since;
    if (!young && filter.matches(record)) describe_record(record, *reply.add_record());
  }
  return write_message(call, reply);
}

Result<> ControlService::prune(RpcCall& call) {
  const auto request = TRY(read_message<wire::PruneRequest>(call));
  builder::PruneOptions options{.all = request.all(),
                                .filter = TRY(filter_of(request.filter())),
                                .reserved_bytes = bytes_of(request.reserved_space()),
                                .max_used_bytes = bytes_of(request.max_used_space()),
                                .min_free_bytes = bytes_of(request.min_free_space())};
  if (request.keep_duration() > 0)
    options.until = std::chrono::nanoseconds(request.keep_duration());
  std::map<std::string, builder::CacheRecord> before;
  for (builder::CacheRecord& record : TRY(builder_.disk_usage())) before[record.id] = record;
  const builder::PruneResult pruned = TRY(builder_.prune(options));
  for (const std::string& id : pruned.removed) {
    wire::UsageRecord removed;
    removed.set_id(id);
    if (before.contains(id)) describe_record(before[id], removed);
    TRY(write_message(call, removed));
  }
  return {};
}

std::optional<RpcFailure> ControlService::solve(RpcCall& call) {
  auto request = read_message<wire::SolveRequest>(call);
  if (!request) return RpcFailure{std::move(request.error()), ""};
  const std::shared_ptr<Build> build = builds_.get_new(request->ref());
  build->begin(order_of(*request));
  wait_for(call.cancelled(), build->ended());
  if (call.cancelled().cancelled()) {
    build->cancel();
    build->end(RpcFailure{Error(Code::kCancelled, "the client has given up"), ""});
  }
  build->feed().close();
  builds_.keep(build);
  if (auto kept = history_.end(*build); !kept) log_warn(kept.error().message());
  const BuildOutcome outcome = build->outcome();
  if (outcome.failure) return outcome.failure;
  wire::SolveResponse reply;
  reply.mutable_exporter_response()->insert(outcome.reply.begin(), outcome.reply.end());
  if (auto sent = write_message(call, reply); !sent) return RpcFailure{sent.error(), ""};
  return std::nullopt;
}

Result<> ControlService::status(RpcCall& call) {
  const auto request = TRY(read_message<wire::StatusRequest>(call));
  if (const auto told = TRY(history_.log(request.ref()))) {
    for (const std::string& message : *told) TRY(call.write(message));
    return {};
  }
  const std::shared_ptr<Build> build = builds_.get(request.ref());
  if (!build->feed().listen()) {
    return Error(Code::kFailedPrecondition, "somebody listens to this build already");
  }
  return pass_on(
      call, [&] { return build->feed().next(); }, [&] { build->feed().stop_listening(); });
}

Result<> ControlService::listen_build_history(RpcCall& call) {
  const auto request = TRY(read_message<wire::BuildHistoryRequest>(call));
  // Clients filter, too, and then want the first of what is left.
  const bool limited = request.limit() > 0 && request.filter().empty();
  const HistoryQuery query{.ref = request.ref(),
                           .active_only = request.active_only(),
                           .limit = limited ? static_cast<size_t>(request.limit()) : 0};
  const auto listener = request.early_exit() ? nullptr : history_.listen(query);
  call.add_header("buildkit-current-timestamp", format_rfc3339(Clock::system().now()));
  for (const std::string& event : TRY(history_.events(query))) TRY(call.write(event));
  if (listener == nullptr) return {};
  return pass_on(call, [&] { return listener->next(); }, [&] { listener->stop(); });
}

Result<> ControlService::update_build_history(RpcCall& call) {
  const auto request = TRY(read_message<wire::UpdateBuildHistoryRequest>(call));
  if (request.delete_()) {
    TRY(history_.remove(request.ref()));
  } else if (!request.finalize()) {  // all that is to be there is there already
    TRY(history_.pin(request.ref(), request.pinned()));
  }
  return call.write("");
}

Result<> ControlService::session(RpcCall& call) {
  SessionFacts facts{.id = call.metadata("x-docker-expose-session-uuid"),
                     .shared_key = call.metadata("x-docker-expose-session-sharedkey")};
  if (facts.id.empty()) return Error(Code::kInvalidArgument, "the session has no id");
  const auto [first, last] = call.metadata().equal_range("x-docker-expose-session-grpc-method");
  for (auto method = first; method != last; ++method) facts.methods.insert(method->second);
  std::shared_ptr<Session> session;
  auto served = tunnel(
      call, [&](UniqueFd socket) { session = sessions_.add(std::move(facts), std::move(socket)); });
  if (session != nullptr) sessions_.remove(session);
  return served;
}

}  // namespace skiff::buildkit
