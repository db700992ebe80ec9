// The cgroups that a user was given (kernel, cgroup-v2.rst, Delegation): where a rootless daemon
// puts those of its containers, and what they can limit.
#pragma once

#include <string>
#include <vector>

namespace skiff::rootless {

struct Delegation {
  std::string parent;  // "/user.slice/user-1000.slice/user@1000.service/app.slice"
  std::vector<std::string> controllers;  // that a cgroup in it can have
  std::string why_not;                   // "" where there is one
  bool unified = true;                   // false where the system's hierarchies are the reason
};

// The nearest cgroup above the caller's that the caller may make others in, and that holds no
// processes, as a cgroup with controllers must. Version 2 alone.
Delegation find_delegation();

}  // namespace skiff::rootless
