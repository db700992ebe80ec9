// The first process of a container: from its birth to the program's execve.
#pragma once

#include "runtime/channel.h"
#include "runtime/container.h"
#include "runtime/namespace_plan.h"
#include "runtime/rootfs_sources.h"
#include "runtime/seccomp_filter.h"
#include "runtime/seccomp_listener.h"

namespace skiff::runtime {

// All that the creator makes ready before it clones.
struct InitPlan {
  const OciConfig& config;
  const OciProcess& process;  // one with no program where the config has none
  const CreateOptions& options;
  NamespacePlan namespaces;
  RootfsSources sources;
  SeccompFilter filter;
  SeccompListener agent;
  std::vector<std::string> env;
  Channel channel;        // the new process's end
  UniqueFd start_socket;  // where it waits for start
  // Of an ordinary user's container: its process opens the sources itself, root of its user
  // namespace by then. The creator may not clone mounts.
  Path bundle;
  const sys::Cgroup* cgroup = nullptr;
};

// True when the creator is to answer kBorn, kEntered, or kMounted.
bool waits_when_born(const InitPlan& plan);
bool waits_when_entered(const OciConfig& config);
bool waits_when_mounted(const OciConfig& config);

// Runs in the new process; returns its exit code when it comes to no execve.
int run_container_init(InitPlan& plan, const sys::CgroupEntry& cgroup);

// The other end of the start socket: lets the process go; fails when it could not execute its
// program.
Result<> start_container_init(const Path& socket);

}  // namespace skiff::runtime
