#include "manage/operations.h"

#include <poll.h>

#include "base/strings.h"

namespace skiff::manage {

namespace {

// The stores below name the command of the daemon.
std::string remedy_of(const Problem& problem) {
  return replace_all(problem.remedy, kRepairRemedy, "run skiff registry check --repair");
}

Result<json::Value> check(registry::Registry& registry, const json::Value& arguments,
                          const Tell& tell, const CancelToken& cancel) {
  const CheckOptions options{.deep = arguments.boolean("deep"),
                             .repair = arguments.boolean("repair")};
  const ProblemSink report = [&](const Problem& problem) {
    tell(json::object({{"problem", json::object({{"what", problem.what},
                                                 {"where", problem.where},
                                                 {"remedy", remedy_of(problem)},
                                                 {"mended", problem.mended}})}}));
  };
  const registry::CheckSummary summary = TRY(registry.check(options, report, cancel));
  return json::object({{"repositories", summary.repositories},
                       {"manifests", summary.manifests},
                       {"blobs", summary.blobs},
                       {"bytes", summary.bytes}});
}

Result<json::Value> collect(registry::Registry& registry, const json::Value& arguments,
                            const Tell& /*tell*/, const CancelToken& /*cancel*/) {
  if (!arguments.boolean("dryRun")) {
    const size_t removed = TRY(registry.collect_garbage());
    return json::object({{"blobs", removed}});
  }
  const registry::Garbage::Preview preview = TRY(registry.preview_garbage());
  return json::object(
      {{"blobs", preview.blobs}, {"bytes", preview.bytes}, {"reviewed", preview.reviewed}});
}

Result<json::Value> hold(registry::Registry& registry, const json::Value& /*arguments*/,
                         const Tell& tell, const CancelToken& cancel) {
  const auto held = registry.hold_removals();
  tell(json::object({{"held", true}}));
  pollfd gone{cancel.fd(), POLLIN, 0};
  while (!cancel.cancelled()) ::poll(&gone, 1, -1);
  return json::object();
}

Result<json::Value> mirror(registry::Registry& registry, const json::Value& arguments,
                           const Tell& tell, const CancelToken& cancel) {
  if (registry.upstreams() == nullptr) {
    return Error(Code::kFailedPrecondition, "this registry has no mirrors");
  }
  return registry.upstreams()->operate_mirrors(arguments.string("do"), arguments, tell, cancel);
}

constexpr Operation kOperations[] = {
    {"check", check}, {"gc", collect}, {"hold", hold}, {"mirror", mirror}};

}  // namespace

const Operation* find_operation(std::string_view name) {
  for (const Operation& operation : kOperations) {
    if (operation.name == name) return &operation;
  }
  return nullptr;
}

}  // namespace skiff::manage
