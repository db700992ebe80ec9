// Paths of a container that are hidden from it or only to be read.
#pragma once

#include "sys/root_dir.h"

namespace skiff::runtime {

// Both pass over what is not there.
Result<> make_path_readonly(const sys::RootDir& root, const std::string& path);
// An empty read-only directory, or the host's /dev/null. Called while the host's root is
// still the caller's.
// All masked directories of a container are one empty filesystem, `empty` once there is one, with
// SELinux's `label` where there is one.
Result<> mask_path(const sys::RootDir& root, const std::string& path, const std::string& label,
                   UniqueFd& empty);

}  // namespace skiff::runtime
