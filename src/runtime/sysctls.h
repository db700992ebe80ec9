// "linux.sysctl": kernel parameters of the container's own namespaces.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>

#include "base/result.h"

namespace skiff::runtime {

// Of a parameter's name, which has slashes where its first separator is one, as sysctl(8) has it:
// "net/ipv4/conf/eth0.1/forwarding" is "net.ipv4.conf.eth0/1.forwarding".
std::string with_dots(const std::string& name);

// `name` as with_dots() gives it. Refuses one that no namespace of the container's own holds: it
// would change the host. `is_separate` says of a namespace (CLONE_NEW...) whether the container has
// another than the host.
Result<> check_sysctl(const std::string& name, const std::function<bool(uint64_t)>& is_separate);

// Called inside the namespaces. Written through a procfs of our own that no path leads to
// (CVE-2025-52881).
Result<> set_sysctls(const std::map<std::string, std::string>& sysctls);

}  // namespace skiff::runtime
