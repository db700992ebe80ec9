// From a container's record to the ContainerSpec that the runtime takes.
#pragma once

#include "engine/core.h"
#include "runtime/container_spec.h"

namespace skiff::engine {

// The container's root must be mounted at paths.rootfs(): users are looked up in it.
Result<runtime::ContainerSpec> make_spec(Core& core, const Container& container);

runtime::Limits limits_of(const Resources& resources);

// The environment of a process of the container: PATH, HOSTNAME, TERM and HOME where `env`
// does not set them. Without a `home` the runtime sets that.
std::vector<std::string> process_environment(const ContainerInfo& info,
                                             const std::vector<std::string>& env,
                                             const std::string& home, bool terminal);

}  // namespace skiff::engine
