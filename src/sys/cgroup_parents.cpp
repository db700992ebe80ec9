#include "sys/cgroup_parents.h"

#include <unistd.h>

#include <cerrno>
#include <ranges>
#include <utility>

#include "base/log.h"
#include "base/strings.h"
#include "sys/cgroup.h"
#include "sys/procfs.h"

namespace skiff::sys {

namespace {

// The first line of a record: cgroups end with the kernel that has them.
std::string this_boot() {
  const auto proc = ProcFs::ours();
  if (!proc) return "";
  return std::string(trim((*proc)->read("sys/kernel/random/boot_id").value_or("")));
}

}  // namespace

CgroupParents::Use::Use(Use&& other) noexcept
    : parents_(std::exchange(other.parents_, nullptr)),
      directories_(std::move(other.directories_)) {}

CgroupParents::Use::~Use() {
  if (parents_ != nullptr) parents_->release(directories_);
}

std::shared_ptr<CgroupParents> CgroupParents::unrecorded() {
  return std::shared_ptr<CgroupParents>(new CgroupParents(""));
}

Result<std::shared_ptr<CgroupParents>> CgroupParents::open(Path record) {
  std::shared_ptr<CgroupParents> parents(new CgroupParents(std::move(record)));
  auto text = read_file(parents->record_);
  if (!text) {
    if (text.error().code() != Code::kNotFound) {
      log_warn(cat("cgroups that were made before: ", text.error().message()));
    }
    return parents;
  }
  const std::vector<std::string> lines = split(*text, '\n');
  if (lines.front().empty() || lines.front() != this_boot()) return parents;
  for (const std::string& line : lines) {
    if (line.starts_with('/')) parents->directories_[line].ours = true;
  }
  return parents;
}

Result<CgroupParents::Use> CgroupParents::use(const std::string& cgroup) {
  const Path place = Path(TRY(Cgroup::open(cgroup)).path()).relative_path();
  std::vector<Path> directories;
  for (const CgroupHierarchy& hierarchy : TRY(cgroup_hierarchies())) {
    for (Path below = place.parent_path(); !below.empty(); below = below.parent_path()) {
      directories.push_back(hierarchy.mount / below);
    }
  }
  const std::lock_guard lock(mutex_);
  bool changed = false;
  for (const Path& each : directories) {
    Directory& directory = directories_[each];
    if (directory.users++ > 0 || directory.ours || ::access(each.c_str(), F_OK) == 0) continue;
    directory.ours = true;
    changed = true;
  }
  // Before any is made: who follows could not tell whose it is.
  if (changed) save();
  return Use(*this, std::move(directories));
}

void CgroupParents::release(const std::vector<Path>& directories) {
  const std::lock_guard lock(mutex_);
  bool changed = false;
  for (const Path& each : directories) {
    if (--directories_.at(each).users == 0) changed = drop(each) || changed;
  }
  if (changed) save();
}

void CgroupParents::sweep() {
  const std::lock_guard lock(mutex_);
  std::vector<Path> unused;
  for (const auto& [path, directory] : directories_) {
    if (directory.users == 0) unused.push_back(path);
  }
  bool changed = false;
  // What is below another comes after it in the map.
  for (const Path& each : std::views::reverse(unused)) changed = drop(each) || changed;
  if (changed) save();
}

bool CgroupParents::drop(const Path& path) {
  const bool ours = directories_.at(path).ours;
  // One of another hierarchy may never have been made.
  if (ours && ::rmdir(path.c_str()) != 0 && errno != ENOENT) return false;
  directories_.erase(path);
  return ours;
}

void CgroupParents::save() const {
  if (record_.empty()) return;
  std::string text = cat(this_boot(), "\n");
  for (const auto& [path, directory] : directories_) {
    if (directory.ours) text += cat(path.native(), "\n");
  }
  if (auto written = write_file_durably(record_, text); !written) {
    log_warn(cat("cgroups that were made: ", written.error().message()));
  }
}

}  // namespace skiff::sys
