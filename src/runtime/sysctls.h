// "linux.sysctl": kernel parameters of the container's own namespaces.
#pragma once

#include <map>
#include <string>

#include "base/result.h"

namespace skiff::runtime {

// Called inside the namespaces. Written through a procfs of our own that no path leads to
// (CVE-2025-52881).
Result<> set_sysctls(const std::map<std::string, std::string>& sysctls);

}  // namespace skiff::runtime
