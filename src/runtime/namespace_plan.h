// The namespaces of a container: which are new, which are joined, and how its first process
// gets into them.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "runtime/oci_config.h"
#include "sys/namespaces.h"

namespace skiff::runtime {

class NamespacePlan {
 public:
  // Opens what is to be joined. `spare_network`, if not -1, is a network namespace of the caller's
  // user namespace with nobody in it: it is taken where a new one of that owner is wanted.
  static Result<NamespacePlan> make(const OciConfig& config, int spare_network = -1);

  bool new_user() const { return (clone_flags_ & CLONE_NEWUSER) != 0; }
  // Clones, as the caller's child, into the new namespaces, and into a pid namespace that is to be
  // joined. A time namespace with offsets is made here: they can be set only while nobody is in it.
  Result<sys::Child> clone(int cgroup, const std::function<int()>& body) const;
  // For the creator: writes the user namespace's mappings.
  Result<> map_ids(const OciConfig& config, pid_t pid) const;
  // For the new process, in its cgroup and mapped: joins and makes the rest.
  Result<> enter() const;
  std::vector<int> descriptors() const;

 private:
  struct Joined {
    const sys::NamespaceKind* kind = nullptr;
    UniqueFd fd;
  };
  std::string time_offsets_;  // as /proc/PID/timens_offsets takes them
  Result<> enter_user_namespace() const;

  uint64_t clone_flags_ = 0;
  bool born_inside_user_ = false;  // of joined_.front()
  bool keeps_groups_ = false;
  uint64_t unshare_flags_ = 0;
  std::vector<Joined> joined_;
  UniqueFd joined_pid_;
};

// One with its loopback interface up, for make(); nobody is in it. For single-threaded programs.
Result<UniqueFd> make_spare_network();

// A child of the caller, born into `pid_namespace`, a descendant of the caller's own; before that,
// where `resident` is a process (by pidfd), into that one's user namespace.
Result<sys::Child> clone_into_pid_namespace(const UniqueFd& pid_namespace, int resident, int cgroup,
                                            const std::function<int()>& body);

}  // namespace skiff::runtime
