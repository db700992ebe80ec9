#include "rootless/delegation.h"

#include <unistd.h>

#include "base/file.h"
#include "base/strings.h"
#include "sys/cgroup.h"
#include "sys/procfs.h"

namespace skiff::rootless {

namespace {

bool is_delegated(const Path& directory) {
  const Result<std::string> inside = read_file(directory / "cgroup.procs");
  return inside && trim(*inside).empty() && ::access(directory.c_str(), W_OK) == 0 &&
         ::access((directory / "cgroup.procs").c_str(), W_OK) == 0 &&
         ::access((directory / "cgroup.subtree_control").c_str(), W_OK) == 0;
}

Result<std::string> own_cgroup() {
  const sys::ProcFs* proc = TRY(sys::ProcFs::ours());
  for (const std::string& line : split(TRY(proc->read("self/cgroup")), '\n')) {
    if (line.starts_with("0::")) return line.substr(3);
  }
  return Error(Code::kNotFound, "the process is in no version 2 cgroup");
}

}  // namespace

Delegation find_delegation() {
  const auto hierarchies = sys::cgroup_hierarchies();
  if (!hierarchies || hierarchies->size() != 1 || !hierarchies->front().unified) {
    return {.why_not =
                "the system does not use version 2 cgroups alone: boot it with "
                "systemd.unified_cgroup_hierarchy=1",
            .unified = false};
  }
  const Result<std::string> own = own_cgroup();
  if (!own) return {.why_not = own.error().message()};
  for (Path place(*own); place != place.parent_path();) {
    place = place.parent_path();
    const Path directory = hierarchies->front().mount / place.relative_path();
    if (place == "/" || !is_delegated(directory)) continue;
    std::vector<std::string> controllers;
    if (auto text = read_file(directory / "cgroup.controllers")) {
      controllers = split(trim(*text), ' ');
    }
    std::erase(controllers, "");
    return {.parent = place.native(), .controllers = std::move(controllers)};
  }
  return {.why_not = cat("cgroup ", *own,
                         " is below none that was delegated to the user: start "
                         "skiffd from a systemd user session")};
}

}  // namespace skiff::rootless
