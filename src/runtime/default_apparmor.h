// Docker's default AppArmor profile by name and meaning: what a container that asks for no other
// runs under where the kernel has AppArmor.
//
// A container may use every capability it has, every file and the network, may signal and trace its
// like, and mounts nothing. Of /proc it writes what belongs to a process and the limits of shared
// memory, of /sys the cgroups; firmware, energy counters, the kernel's own security files and
// memory are closed to it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace skiff::runtime {

inline constexpr std::string_view kDefaultApparmorProfile = "docker-default";

// Patterns that together match what is below `directory` ("/sys/") but for paths that begin with
// `kept` ("fs/cgroup/"): AppArmor has no word for an exception to a denial.
std::vector<std::string> all_but(const std::string& directory, std::string_view kept);

// The profile as apparmor_parser(8) reads it.
std::string default_apparmor_text();

// The profile of a container that asks for `wanted` ("": for none); "" where the kernel has no
// AppArmor, and where the default is wanted and not there.
std::string apparmor_profile_for(const std::string& wanted, bool privileged);
// The same for one that is about to start: where the default is wanted and the kernel has no
// profile of that name, apparmor_parser loads ours. Without that program the log has a warning.
std::string ready_apparmor_profile_for(const std::string& wanted, bool privileged);

}  // namespace skiff::runtime
