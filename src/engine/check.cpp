#include "engine/check.h"

#include "base/strings.h"

namespace skiff::engine {

namespace {

constexpr std::string_view kPrefix = "container-";

// A container is known until its snapshot is gone, so one without a container stays for good.
Result<> check_orphan(Core& core, const std::string& snapshot, const CheckOptions& options,
                      const ProblemSink& report) {
  auto& snapshots = core.images.snapshots();
  const std::string id = snapshot.substr(kPrefix.size());
  if (core.table.knows(id) || !snapshots.stat(snapshot)) return {};
  Problem problem{.what = cat("snapshot ", snapshot, " has no container"),
                  .where = "snapshot.db",
                  .remedy = kRepairRemedy};
  if (options.repair) {
    TRY(snapshots.remove(snapshot));
    problem.remedy = "removed";
    problem.mended = true;
  }
  report(problem);
  return {};
}

void check_container(Core& core, const Container& container, const ProblemSink& report) {
  const auto found = core.images.snapshots().stat(container.record().snapshot);
  if (found || found.error().code() != Code::kNotFound) return;
  // Asked afterwards: a removal says so before it takes the files, and ends with the table.
  const Status status = container.state().status;
  if (status == Status::kRemoving || status == Status::kDead) return;
  if (!core.table.find(container.id)) return;
  report({.what = cat("container ", container.name(), " lost its files"),
          .where = cat("snapshot ", container.record().snapshot),
          .remedy = cat("they cannot come back: run skiff rm ", container.name())});
}

}  // namespace

Result<size_t> check_containers(Core& core, const CheckOptions& options,
                                const ProblemSink& report) {
  std::vector<std::string> used;
  TRY(core.images.snapshots().walk([&](const snapshot::Info& info) -> Result<> {
    const bool is_active = info.kind != snapshot::Kind::kCommitted;
    if (is_active && info.name.starts_with(kPrefix)) used.push_back(info.name);
    return {};
  }));
  for (const std::string& name : used) {
    TRY_CONTEXT(check_orphan(core, name, options, report), "check containers");
  }
  const auto containers = core.table.all();
  for (const auto& container : containers) check_container(core, *container, report);
  return containers.size();
}

}  // namespace skiff::engine
