// A user namespace that nobody lives in: the mapping of an id-mapped mount.
#pragma once

#include "base/unique_fd.h"
#include "runtime/oci_config.h"

namespace skiff::runtime {

// "containerID hostID size" lines, as /proc/PID/uid_map takes them.
std::string mapping_text(const std::vector<OciIdMapping>& mappings);

Result<UniqueFd> make_user_namespace(const std::vector<OciIdMapping>& uids,
                                     const std::vector<OciIdMapping>& gids);

}  // namespace skiff::runtime
