// STATE_ROOT/ID: what is kept of a container between the calls of the runtime.
//
//   state.json   ContainerState, replaced by rename
//   config.json  the bundle's, as it was at create
//   start.sock   where the init waits; it goes when the container is started
//   cgroup       a link to the cgroup's path, "/skiff/0123abcd"; beside it, where systemd has made
//   scope        it, one to the scope's name: what finds the processes when state.json is damaged
#pragma once

#include "runtime/container.h"

namespace skiff::runtime {

inline constexpr const char* kStateFile = "state.json";
inline constexpr const char* kConfigFile = "config.json";
inline constexpr const char* kStartSocket = "start.sock";
inline constexpr const char* kCgroupLink = "cgroup";
inline constexpr const char* kScopeLink = "scope";

// As runc: letters, digits and _+-. only, and neither "." nor "..".
Result<> check_container_id(const std::string& id);
Result<> write_state(const Path& directory, const ContainerState& state);
Result<ContainerState> read_state(const Path& directory);
// The links, as soon as there is a cgroup; made once, they cannot be cut short like a file.
Result<> leave_trace(const Path& directory, const ContainerState& state);
// The little that they tell; no cgroup when they are not there either.
ContainerState read_trace(const Path& directory);
// Name of the calling user; its number when it has none.
std::string current_owner();

}  // namespace skiff::runtime
