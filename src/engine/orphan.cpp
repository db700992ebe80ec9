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

}  // namespace skiff::engine
