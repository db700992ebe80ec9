// One entry of "mounts", made in the container's root.
#pragma once

#include "runtime/rootfs_sources.h"
#include "sys/root_dir.h"

namespace skiff::runtime {

// `bind` is the detached source of a bind mount. A mount that must stay writable until the
// end of the set-up is added to `late_readonly`.
Result<> make_mount(const sys::RootDir& root, const OciMount& mount, const UniqueFd& bind,
                    std::vector<CgroupView>& cgroups, std::vector<UniqueFd>& late_readonly);

}  // namespace skiff::runtime
