#include "builder/cgroup_parents.h"

#include <unistd.h>

#include <utility>

#include "sys/cgroup.h"

namespace skiff::builder {

CgroupParents::Use::Use(Use&& other) noexcept
    : parents_(std::exchange(other.parents_, nullptr)),
      directories_(std::move(other.directories_)) {}

CgroupParents::Use::~Use() {
  if (parents_ != nullptr) parents_->release(directories_);
}

Result<CgroupParents::Use> CgroupParents::use(const std::string& cgroup) {
  const Path place = Path(TRY(sys::Cgroup::open(cgroup)).path()).relative_path();
  std::vector<Path> directories;
  for (const sys::CgroupHierarchy& hierarchy : TRY(sys::cgroup_hierarchies())) {
    for (Path below = place.parent_path(); !below.empty(); below = below.parent_path()) {
      directories.push_back(hierarchy.mount / below);
    }
  }
  const std::lock_guard lock(mutex_);
  for (const Path& each : directories) {
    Directory& directory = directories_[each];
    if (directory.users++ == 0) directory.ours = ::access(each.c_str(), F_OK) != 0;
  }
  return Use(*this, std::move(directories));
}

void CgroupParents::release(const std::vector<Path>& directories) {
  const std::lock_guard lock(mutex_);
  for (const Path& each : directories) {
    const auto found = directories_.find(each);
    if (--found->second.users > 0) continue;
    // One that is not empty is somebody's; one of another hierarchy may never have been made.
    if (found->second.ours) ::rmdir(each.c_str());
    directories_.erase(found);
  }
}

}  // namespace skiff::builder
