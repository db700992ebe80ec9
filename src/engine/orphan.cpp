#include "engine/orphan.h"

#include <signal.h>

#include "base/log.h"
#include "base/strings.h"
#include "runtime/state_file.h"
#include "sys/cgroup.h"
#include "sys/namespaces.h"

namespace skiff::engine {

namespace {

void end_cgroup(const sys::Cgroup& group) {
  log_warn(cat("ending what is left in cgroup ", group.path()));
  Result<> killed = group.kill_all();
  if (!killed) log_warn(killed.error().message());
  if (Result<> removed = group.remove(); !removed) log_warn(removed.error().message());
}

void end_first_process(const Container& container) {
  const auto state = runtime::read_state(container.paths.monitor() / "state" / container.id);
  if (!state || !sys::process_alive(state->pid, state->start_time)) return;
  log_warn(cat("ending what is left of container ", container.id));
  ::kill(state->pid, SIGKILL);
}

}  // namespace

void end_orphan(Core& core, const Container& container) {
  auto group = sys::Cgroup::open(core.cgroup_of(container.info()));
  if (group && !group->members().empty()) return end_cgroup(*group);
  if (!core.options.has_cgroups) end_first_process(container);
}

runtime::ExitStatus end_lost(Core& core, const Container& container) {
  const ContainerInfo info = container.info();
  end_orphan(core, container);
  auto recorded = runtime::read_exit_file(container.paths.exit_file());
  if (recorded && !recorded->restarting) return *recorded;
  log_warn(cat("container ", container.id, ": monitor lost"));
  constexpr int kKilled = 137;
  runtime::ExitStatus status{.code = kKilled, .finished = core.clock.now()};
  status.restart_count = recorded ? recorded->restart_count : info.restart_count;
  return status;
}

}  // namespace skiff::engine
