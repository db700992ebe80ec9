// CgroupParents: the cgroups that clients name for those of their steps and containers
// (`--cgroup-parent`). What was not there before goes with the last that uses it.
//
//   auto parents = TRY(CgroupParents::open(run_dir / "cgroup-parents", "/skiff"));
//   auto use = TRY(parents->use("/ci/builds/build-0123456789ab"));
//   ... /ci and /ci/builds are there; the runtime makes its own, and removes it ...
//   use = ...                     // at its end /ci/builds and /ci go, as far as they are empty
//   parents->sweep();             // at a start, when all that has survived is used again
#pragma once

#include <cstdint>
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
  // another boot of the machine counts for nothing. `own`, which all others stand in, is never
  // among them, whatever clients name.
  static Result<std::shared_ptr<CgroupParents>> open(Path record, const std::string& own);
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
    std::vector<Path> directories_;  // outermost first
  };

  // Makes what is not there of all that are above `cgroup`, a path as sys::Cgroup has it, in the
  // hierarchies where the caller may. It must not outlive this.
  Result<Use> use(const std::string& cgroup);

  // Removes what is recorded, empty and not used.
  void sweep();

 private:
  struct Directory {
    size_t users = 0;
    // Of the one that was made here; 0: it was there. What somebody has removed and made anew has
    // another one.
    uint64_t inode = 0;
  };

  CgroupParents(Path record, Path own) : record_(std::move(record)), own_(std::move(own)) {}
  void release(const std::vector<Path>& directories);
  // Both return whether the record is another one then.
  static bool make(const Path& path, Directory& directory);
  bool drop(const Path& path);
  // `planned` is about to be made.
  void save(const std::vector<Path>& planned = {}) const;

  const Path record_;
  const Path own_;  // below the mount of a hierarchy
  std::mutex mutex_;
  std::map<Path, Directory> directories_;  // that are used, or ours
};

}  // namespace skiff::sys
