// CgroupParents: the cgroups that builds name for those of their steps (`--cgroup-parent`). What
// was not there before goes with the last step that uses it.
//
//   auto use = TRY(parents.use("/ci/builds/build-0123456789ab"));
//   ... run the step, for which the runtime makes /ci, /ci/builds and its own ...
#pragma once

#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/result.h"

namespace skiff::builder {

// Thread-safe.
class CgroupParents {
 public:
  // At its end, removes what nobody uses any more and nobody else has put anything in.
  class Use {
   public:
    Use(Use&& other) noexcept;
    Use& operator=(Use&&) = delete;
    ~Use();

   private:
    friend class CgroupParents;
    Use(CgroupParents& parents, std::vector<Path> directories)
        : parents_(&parents), directories_(std::move(directories)) {}
    CgroupParents* parents_;
    std::vector<Path> directories_;  // innermost first
  };

  // Of all that are above `cgroup`, a path as sys::Cgroup has it. It must not outlive this.
  Result<Use> use(const std::string& cgroup);

 private:
  struct Directory {
    size_t users = 0;
    bool ours = false;
  };
  void release(const std::vector<Path>& directories);

  std::mutex mutex_;
  std::map<Path, Directory> directories_;
};

}  // namespace skiff::builder
