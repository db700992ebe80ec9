// Control groups of one container, over version 1, version 2 and hybrid hosts alike.
//
//   Cgroup group = TRY(Cgroup::create("/skiff/0123abcd"));   // in every hierarchy
//   TRY(group.write("memory", group.v2() ? "memory.max" : "memory.limit_in_bytes", "67108864"));
//   CgroupEntry entry = TRY(group.entry());
//   Child child = TRY(clone_process({.cgroup = entry.unified_dir()}, [&] {
//     if (!entry.enter()) return 1;                          // first thing in the child
//     ...
//   }));
//   ...
//   TRY(group.kill_all());
//   TRY(group.remove());
//
// Entering never writes to cgroup.procs: that waits for an RCU grace period, some 10 ms on an
// idle machine. Version 2 is entered by birth (CLONE_INTO_CGROUP), version 1 by the child
// itself through "tasks", which the kernel grants without the wait. A value type over paths;
// thread-compatible.
#pragma once

#include <sys/types.h>

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"
#include "base/result.h"
#include "base/unique_fd.h"

namespace skiff::sys {

struct CgroupHierarchy {
  Path mount;
  std::vector<std::string> controllers;  // {"cpu", "cpuacct"}, {"name=systemd"}; v2: all it has
  bool unified = false;                  // version 2
};

// What is mounted at /sys/fs/cgroup (or `root`).
Result<std::vector<CgroupHierarchy>> cgroup_hierarchies(const Path& root = "/sys/fs/cgroup");

// What a new process needs to be born into a cgroup; made before it is.
class CgroupEntry {
 public:
  int unified_dir() const { return unified_.get(); }  // for CLONE_INTO_CGROUP; -1: none
  // Those that enter() needs.
  std::vector<int> descriptors() const;
  // Called by the new, single-threaded process.
  Result<> enter() const;

 private:
  friend class Cgroup;
  UniqueFd unified_;
  std::vector<UniqueFd> tasks_;
};

class Cgroup {
 public:
  // An absolute path counts from the root of each hierarchy, a relative one from the caller's
  // own cgroup, where that is the same in all of them, else from the root too; with version 2 alone
  // from the one above the caller's, which can have controllers to give. Refuses a cgroup
  // that has processes or is frozen; leaves nothing behind on failure. Who is not the machine's
  // root has a cgroup in those hierarchies in which they may make one, maybe in none.
  static Result<Cgroup> create(const std::string& path, const Path& root = "/sys/fs/cgroup");
  // The same of one that somebody else has made in some hierarchies, and may have processes in.
  static Result<Cgroup> adopt(const std::string& path, const Path& root = "/sys/fs/cgroup");
  // The directories alone, for create() to find: what cannot be made it tells. Whoever calls this
  // waits for its end before the cgroup is removed.
  static void make_ahead(const std::string& path, const Path& root = "/sys/fs/cgroup");
  // One that exists, in the hierarchies in which it does.
  static Result<Cgroup> open(const std::string& path, const Path& root = "/sys/fs/cgroup");

  // The path all calls resolve to ("/skiff/0123abcd"); of the first hierarchy if relative.
  const std::string& path() const { return path_; }
  bool v2() const { return v2_; }  // version 2 only
  bool has(std::string_view controller) const;
  // The directory of a controller; "" is the unified one.
  Result<Path> directory(std::string_view controller) const;
  struct Member {
    std::vector<std::string> controllers;
    Path mount;
    Path directory;
    bool unified = false;
  };
  const std::vector<Member>& members() const { return members_; }

  // `below`: by controller ("" is every one), a path below the group's own, which must exist.
  Result<CgroupEntry> entry(const std::map<std::string, std::string>& below = {}) const;
  Result<> write(std::string_view controller, const std::string& file,
                 std::string_view value) const;
  Result<std::string> read(std::string_view controller, const std::string& file) const;

  // With those of nested cgroups.
  Result<std::vector<pid_t>> processes() const;
  // Returns when every process stands still.
  Result<> freeze() const;
  Result<> thaw() const;
  bool frozen() const;
  // SIGKILLs every process; does not wait for their end.
  Result<> kill_all() const;
  // How many processes the kernel killed for want of memory.
  uint64_t oom_kills() const;
  // Removes the directories, waiting a little for processes that are just ending.
  Result<> remove() const;

 private:
  static Result<Cgroup> make(const std::string& path, const Path& root, bool shared);
  std::string path_;
  bool v2_ = false;
  std::vector<Member> members_;
};

}  // namespace skiff::sys
