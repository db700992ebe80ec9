// "linux.resources" written to a container's cgroup, for versions 1 and 2.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "codec/json.h"
#include "sys/cgroup.h"

namespace skiff::runtime {

// Writes what is there and leaves the rest alone. Limits of a controller the host does not
// have are errors that name it.
Result<> apply_resources(const sys::Cgroup& cgroup, const json::Value& resources);

// What limits were before they were written. What a device was given (rules, block IO, RDMA,
// network priorities), "unified" and an OOM killer that is switched off are not among them.
class LimitsBefore {
 public:
  void add(std::string_view controller, std::string file, std::string value);
  // The last first: each step backwards is one that the kernel has taken forwards.
  void restore(const sys::Cgroup& cgroup) const;

 private:
  struct Limit {
    std::string controller;
    std::string file;
    std::string value;
  };
  std::vector<Limit> limits_;
};

// The same for a container that runs: where the kernel refuses a limit, those that were written
// before it are as they were.
Result<LimitsBefore> change_resources(const sys::Cgroup& cgroup, const json::Value& resources);

}  // namespace skiff::runtime
