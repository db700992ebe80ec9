// The program inside: what a process in a container sees and may, and what one that wants out
// does. Static, and without a line of ours in it: it runs in images of nothing and under other
// engines.
#pragma once

#include <span>
#include <string>

namespace probe {

using Arguments = std::span<char* const>;

// Prints what the container gives: a line `key<TAB>value` for each fact.
int facts(Arguments);
// The system calls that fail with EPERM or ENOSYS whatever their arguments: seccomp's doing.
void print_system_calls();

// overwrite SIZE: opens every program of that size that a process runs for writing, also after that
// process is gone, until standard input ends. Prints how many it has seen and what came of it.
int overwrite(Arguments);
// swap A B: exchanges two names of a directory for ever.
int swap(Arguments);
// cgroup-mounts: tries to get a cgroup v1 hierarchy, whose release_agent the host would run.
int cgroup_mounts(Arguments);

std::string error_name(int error);
// What `action` tells in a child of its own, which it may change as it likes.
std::string in_child(std::string (*action)());

}  // namespace probe
