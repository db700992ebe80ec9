// A user namespace that nobody lives in: the mapping of an id-mapped mount.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "base/unique_fd.h"
#include "runtime/oci_config.h"

namespace skiff::runtime {

// "containerID hostID size" lines, as /proc/PID/uid_map takes them.
std::string mapping_text(const std::vector<OciIdMapping>& mappings);

// Writes the map of `kind`, "uid" or "gid", of a process in a new user namespace. The user's own
// id alone the kernel grants to anybody; for others there are newuidmap and newgidmap.
Result<> map_as_ordinary_user(const std::string& kind, pid_t pid, uint32_t own,
                              const std::vector<OciIdMapping>& mappings);

Result<UniqueFd> make_user_namespace(const std::vector<OciIdMapping>& uids,
                                     const std::vector<OciIdMapping>& gids);

}  // namespace skiff::runtime
