#include "engine/orphan.h"

#include "base/log.h"
#include "base/strings.h"
#include "sys/cgroup.h"

namespace skiff::engine {

void end_orphan(const std::string& cgroup) {
  auto group = sys::Cgroup::open(cgroup);
  if (!group || group->members().empty()) return;
  log_warn(cat("ending what is left in cgroup ", cgroup));
  Result<> killed = group->kill_all();
  if (!killed) log_warn(killed.error().message());
  if (Result<> removed = group->remove(); !removed) log_warn(removed.error().message());
}

runtime::ExitStatus end_lost(Core& core, const Container& container) {
  const ContainerInfo info = container.info();
  end_orphan(core.cgroup_of(info));
  auto recorded = runtime::read_exit_file(container.paths.exit_file());
  if (recorded && !recorded->restarting) return *recorded;
  log_warn(cat("container ", container.id, ": monitor lost"));
  constexpr int kKilled = 137;
  runtime::ExitStatus status{.code = kKilled, .finished = core.clock.now()};
  status.restart_count = recorded ? recorded->restart_count : info.restart_count;
  return status;
}

}  // namespace skiff::engine
