// CgroupParents: the cgroups that clients name for those of their steps and containers
// (`--cgroup-parent`). What was not there before goes with the last that uses it.
//
//   auto parents = TRY(CgroupParents::open(run_dir / "cgroup-parents"));
//   auto use = TRY(parents->use("/ci/builds/build-0123456789ab"));
//   ... the runtime makes /ci, /ci/builds and its own, and removes its own ...
//   use = ...                     // at its end /ci/builds and /ci go, as far as they are empty
//   parents->sweep();             // at a start, when all that has survived is used again
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/result.h"

namespace skiff::sys {

// Thread-safe.
class CgroupParents {
 public:
  // `record` tells who follows after a crash, or leaves containers running, what was made; one of
  // another boot of the machine counts for nothing.
  static Result<std::shared_ptr<CgroupParents>> open(Path record);
  // Nobody follows.
  static std::shared_ptr<CgroupParents> unrecorded();

  // At its end, removes what nobody uses any more. What somebody else has put something in stays,
  // until that is gone and it is used, or swept, once more.
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

  // Of all that are above `cgroup`, a path as sys::Cgroup has it, which is not made yet, or was
  // made while it was used. It must not outlive this.
  Result<Use> use(const std::string& cgroup);

  // Removes what is recorded, empty and not used.
  void sweep();

 private:
  struct Directory {
    size_t users = 0;
    bool ours = false;
  };

  explicit CgroupParents(Path record) : record_(std::move(record)) {}
  void release(const std::vector<Path>& directories);
  // Returns whether the record is another one then.
  bool drop(const Path& path);
  void save() const;

  const Path record_;
  std::mutex mutex_;
  std::map<Path, Directory> directories_;  // that are used, or ours
};

}  // namespace skiff::sys
