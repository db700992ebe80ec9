#include "manage/operations.h"

#include <poll.h>

#include "base/strings.h"

namespace skiff::manage {

namespace {

// The stores below name the command of the daemon.
std::string remedy_of(const Problem& problem) {
  return replace_all(problem.remedy, kRepairRemedy, "run skiff registry check --repair");
}

ProblemSink told_by(const Tell& tell) {
  return [&tell](const Problem& problem) {
    tell(json::object({{"problem", json::object({{"what", problem.what},
                                                 {"where", problem.where},
                                                 {"remedy", remedy_of(problem)},
                                                 {"mended", problem.mended}})}}));
  };
}

Result<json::Value> check(registry::Registry& registry, const json::Value& arguments,
                          const Tell& tell, const CancelToken& cancel) {
  const CheckOptions options{.deep = arguments.boolean("deep"),
                             .repair = arguments.boolean("repair")};
  const registry::CheckSummary summary = TRY(registry.check(options, told_by(tell), cancel));
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

Result<json::Value> import_tree(registry::Registry& registry, const json::Value& arguments,
                                const Tell& tell, const CancelToken& cancel) {
  const Path tree = TRY(arguments.require_string("tree"));
  const registry::ImportSummary done = TRY(registry.import_tree(
      tree, {.move_tags = arguments.boolean("moveTags")},
      [&](const std::string& name) { tell(json::object({{"repository", name}})); }, told_by(tell),
      cancel));
  return json::object({{"repositories", done.repositories},
                       {"manifests", done.manifests},
                       {"tags", done.tags},
                       {"blobs", done.blobs},
                       {"bytes", done.bytes}});
}

constexpr Operation kOperations[] = {
    {"check", check}, {"gc", collect}, {"import", import_tree}, {"hold", hold}, {"mirror", mirror}};

}  // namespace

const Operation* find_operation(std::string_view name) {
  for (const Operation& operation : kOperations) {
    if (operation.name == name) return &operation;
  }
  return nullptr;
}

}  // namespace skiff::manage
