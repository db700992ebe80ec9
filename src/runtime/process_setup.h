// How a cloned process becomes the program of an OciProcess: limits, identity, capabilities,
// working directory, the program itself.
#pragma once

#include <string>
#include <vector>

#include "runtime/oci_config.h"
#include "runtime/seccomp_filter.h"
#include "runtime/seccomp_listener.h"

namespace skiff::runtime {

// As execve(2) takes them: a null pointer ends them. They live as long as the strings.
std::vector<char*> pointers_to(const std::vector<std::string>& strings);

// The environment the program gets: the config's, with HOME when it has none.
std::vector<std::string> environment_of(const OciProcess& process, const Path& rootfs);

// Tells which of those that are asked for this kernel does not have.
void warn_of_capabilities(const OciProcess& process);

// For the creator: what is written for `pid` through the host's /proc.
Result<> adjust_oom_score(const OciProcess& process, pid_t pid);
// What `pid` (0: the caller) may later set: by the creator for one that is born into a user
// namespace, by itself before it joins one, where it could not. What may not be raised stays.
void raise_rlimits(const OciProcess& process, pid_t pid);

// In the new process, in this order.
// Limits that may not be raised are `warnings`.
Result<> set_rlimits(const OciProcess& process, std::vector<std::string>& warnings);
// Working directory, user, groups, umask, bounding set; the effective set becomes the
// container's, but the permitted one stays whole until finish_privileges.
Result<> take_identity(const OciProcess& process, std::vector<std::string>& warnings);
// The path to execute, looked up in the environment's PATH with the errors of Docker.
Result<std::string> find_program(const OciProcess& process, const std::vector<std::string>& env);
// Loads the filter, hands its listener over, and gives up the rest of the privileges. Only
// what the filter is meant for may follow: hooks in the container and execve.
Result<> finish_privileges(const OciProcess& process, const SeccompFilter& filter,
                           SeccompListener& agent);
// Returns only on failure, with an Error of which is_exec_failure().
Error execute(const std::string& program, const OciProcess& process,
              const std::vector<std::string>& env);
// The kernel would not execute the program: nothing before it was wrong.
bool is_exec_failure(const Error& error);

}  // namespace skiff::runtime
