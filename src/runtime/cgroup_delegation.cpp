#include "runtime/cgroup_delegation.h"

#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>

#include "base/strings.h"
#include "sys/id_map.h"
#include "sys/namespaces.h"

namespace skiff::runtime {

namespace {

bool has_writable_mount(const OciConfig& config) {
  return std::any_of(config.mounts.begin(), config.mounts.end(), [](const OciMount& mount) {
    bool writable = true;  // the last word counts
    for (const std::string& option : mount.options) {
      if (option == "ro" || option == "rw") writable = option == "rw";
    }
    return mount.type == "cgroup" && writable &&
           Path(mount.destination).lexically_normal() == "/sys/fs/cgroup";
  });
}

// Who has the container's process on the host; nothing for a user without a mapping.
std::optional<uint32_t> owner(const OciConfig& config) {
  const uint32_t inside = config.process ? config.process->uid : 0;
  if (config.uid_mappings.empty()) return inside;
  return sys::outside_id(config.uid_mappings, inside);
}

Result<> give(const Path& path, uint32_t uid) {
  // Older kernels lack some of the files.
  if (::chown(path.c_str(), uid, static_cast<gid_t>(-1)) == 0 || errno == ENOENT) return {};
  return Error::from_errno(errno, cat("give ", path.native(), " to the container"));
}

}  // namespace

Result<> delegate_cgroup(const sys::Cgroup& cgroup, const OciConfig& config) {
  const std::optional<uint32_t> uid = owner(config);
  if (!cgroup.v2() || !uid || *uid == 0 || !sys::is_machine_root()) return {};
  if (!config.has_new_namespace(CLONE_NEWCGROUP) || !has_writable_mount(config)) return {};
  const Path directory = TRY(cgroup.directory(""));
  TRY(give(directory, *uid));
  const std::string files = read_file("/sys/kernel/cgroup/delegate")
                                .value_or("cgroup.procs\ncgroup.subtree_control\ncgroup.threads\n");
  for (const std::string& file : split(trim(files), '\n')) TRY(give(directory / file, *uid));
  return {};
}

}  // namespace skiff::runtime
