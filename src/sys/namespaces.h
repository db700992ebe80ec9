// Linux namespaces: their names, and processes born into new ones.
//
//   Child child = TRY(clone_process({.flags = CLONE_NEWPID | CLONE_NEWNS}, [&]() -> int {...}));
#pragma once

#include <sched.h>
#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"

namespace skiff::sys {

struct NamespaceKind {
  std::string_view oci_name;  // "mount"
  std::string_view file;      // "mnt", below /proc/PID/ns
  uint64_t flag;              // CLONE_NEWNS
};
// In the order in which they are to be joined: user first, for what it permits.
const NamespaceKind* find_namespace(std::string_view oci_name);
const NamespaceKind* begin_namespaces();
const NamespaceKind* end_namespaces();

// Opens a namespace file and checks that it is one of `kind`.
Result<UniqueFd> open_namespace(const std::string& path, const NamespaceKind& kind);

struct CloneOptions {
  uint64_t flags = 0;    // CLONE_NEW*
  int cgroup = -1;       // directory of a v2 cgroup to be born into
  bool sibling = false;  // a child of the caller's parent
};

struct Child {
  pid_t pid = 0;
  UniqueFd pidfd;
};

// fork() with namespaces, for single-threaded programs: `body` runs in the child on a copy of
// the caller's memory, and what it returns is the exit code.
Result<Child> clone_process(const CloneOptions& options, const std::function<int()>& body);

Result<UniqueFd> open_pidfd(pid_t pid);
// The namespace of this kind in which `process` is: "self" or a number.
Result<UniqueFd> namespace_of(std::string_view process, const NamespaceKind& kind);
// True where the process has other ids than the machine's: there the kernel grants no device
// nodes, no trusted.* attributes and few filesystems, whatever the capabilities. Asked once.
bool in_user_namespace();
// False for an ordinary user and for the root of a user namespace: what they have not been given
// (cgroups, device rules) they do without.
bool is_machine_root();
// False, too, when one of them cannot be found out.
bool same_namespace(int first, int second);

// Those in the process namespace of `init`, as far as the caller may see; where that is the
// caller's own, `init` alone. For who has no cgroup to ask.
Result<std::vector<pid_t>> processes_beside(pid_t init);

// What is open as `number` in that process.
Result<UniqueFd> copy_descriptor(const UniqueFd& pidfd, int number);
// Field 22 of /proc/PID/stat: tells a process from a later one with its number.
Result<uint64_t> process_start_time(pid_t pid);
// True while the process runs (a zombie does not).
bool process_alive(pid_t pid, uint64_t start_time);

}  // namespace skiff::sys
