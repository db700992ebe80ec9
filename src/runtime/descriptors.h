// The descriptors of a container's process: its own three, those it is to keep, and no other.
#pragma once

#include <vector>

#include "base/result.h"
#include "runtime/container.h"

namespace skiff::runtime {

// Refuses a count that reaches beyond what is open.
Result<> check_preserved(int count);
// Makes `stdio` the descriptors 0, 1 and 2; a negative one is /dev/null.
Result<> install_stdio(const Stdio& stdio, int preserved);
// Closes all descriptors but 0, 1, 2, the `preserved` ones behind them, and `keep`.
Result<> close_others(std::vector<int> keep, int preserved);
// At the next execve the preserved ones stay open and all behind them close.
Result<> prepare_for_exec(int preserved);
// Replaces a host's /dev/null among 0, 1 and 2 by the container's own, whose inode the
// container may change.
Result<> reopen_null();
// Gives 0, 1 and 2 to the container's user, where they can be given.
void give_stdio(uid_t uid);
// The same, from outside, of pipes whose owner the user namespace of process `pid` does not map:
// the user there could not open them again (/dev/stdout).
void lend_pipes(const Stdio& stdio, pid_t pid, uid_t uid);

}  // namespace skiff::runtime
