// "linux.intelRdt": a container's class of cache and memory bandwidth, a directory of the resctrl
// file system (config-linux.md, IntelRdt).
//
//   ResctrlGroup group = TRY(ResctrlGroup::open(rdt, id));   // made where it is not there
//   TRY(group.add(pid));                                     // its children follow
//   ...
//   TRY(remove_resctrl(group.made()));                       // at the container's end
#pragma once

#include <string>
#include <vector>

#include "base/file.h"
#include "runtime/oci_config.h"

namespace skiff::runtime {

inline constexpr const char* kResctrlRoot = "/sys/fs/resctrl";

class ResctrlGroup {
 public:
  // Takes or makes the class and writes its schemata. Fails where the machine has no such
  // classes, when the schemata do not fit, and when one that is only named does not exist.
  static Result<ResctrlGroup> open(const OciIntelRdt& rdt, const std::string& id,
                                   const Path& root = kResctrlRoot);
  Result<> add(pid_t pid) const;
  // The directories to remove, in this order; what was there before is not among them.
  const std::vector<std::string>& made() const { return made_; }

 private:
  Result<> make(const Path& directory);

  Path directory_;
  Path monitor_;  // "" without monitoring
  std::vector<std::string> made_;
};

Result<> remove_resctrl(const std::vector<std::string>& made);

}  // namespace skiff::runtime
