#include "sys/cgroup_parents.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <iterator>
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

// Below the mount of a hierarchy.
Result<Path> place_of(const std::string& cgroup) {
  return Path(TRY(Cgroup::open(cgroup)).path()).relative_path();
}

// 0 where there is none.
uint64_t inode_of(const Path& path) {
  struct stat info{};
  return ::stat(path.c_str(), &info) == 0 ? info.st_ino : 0;
}

bool is_in(const Path& inner, const Path& outer) {
  return std::ranges::mismatch(outer, inner).in1 == outer.end();
}

}  // namespace

CgroupParents::Use::Use(Use&& other) noexcept
    : parents_(std::exchange(other.parents_, nullptr)),
      directories_(std::move(other.directories_)) {}

CgroupParents::Use::~Use() {
  if (parents_ != nullptr) parents_->release(directories_);
}

std::shared_ptr<CgroupParents> CgroupParents::unrecorded() {
  return std::shared_ptr<CgroupParents>(new CgroupParents("", ""));
}

Result<std::shared_ptr<CgroupParents>> CgroupParents::open(Path record, const std::string& own) {
  Path own_place = own.empty() ? Path() : TRY(place_of(own));
  std::shared_ptr<CgroupParents> parents(
      new CgroupParents(std::move(record), std::move(own_place)));
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
    const auto fields = split_once(line, ' ');
    auto inode = fields ? parse_uint(fields->first) : std::nullopt;
    if (!inode) continue;
    // Whoever was to make it may have been killed before it could say that it had.
    if (*inode == 0) inode = inode_of(fields->second);
    if (*inode != 0) parents->directories_[fields->second].inode = *inode;
  }
  return parents;
}

Result<CgroupParents::Use> CgroupParents::use(const std::string& cgroup) {
  const Path place = TRY(place_of(cgroup));
  const bool is_below_own = !own_.empty() && is_in(place, own_);
  if (is_below_own) Cgroup::make_ahead(Path("/" / own_).native());
  std::vector<Path> directories;
  for (const CgroupHierarchy& hierarchy : TRY(cgroup_hierarchies())) {
    for (Path below = place.parent_path(); !below.empty(); below = below.parent_path()) {
      if (!is_in(own_, below)) directories.push_back(hierarchy.mount / below);
    }
  }
  std::ranges::reverse(directories);
  const std::lock_guard lock(mutex_);
  std::vector<Path> missing;
  std::ranges::copy_if(directories, std::back_inserter(missing),
                       [](const Path& each) { return inode_of(each) == 0; });
  // None is there that the record does not name, even if the daemon is killed.
  if (!missing.empty()) save(missing);
  bool changed = !missing.empty();
  for (const Path& each : directories) {
    Directory& directory = directories_[each];
    ++directory.users;
    changed = make(each, directory) || changed;
  }
  if (changed) save();
  return Use(*this, std::move(directories));
}

void CgroupParents::release(const std::vector<Path>& directories) {
  const std::lock_guard lock(mutex_);
  bool changed = false;
  for (const Path& each : std::views::reverse(directories)) {
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

bool CgroupParents::make(const Path& path, Directory& directory) {
  const uint64_t before = directory.inode;
  if (::mkdir(path.c_str(), 0755) == 0) {
    directory.inode = inode_of(path);
  } else if (inode_of(path) != before) {
    directory.inode = 0;
  }
  return directory.inode != before;
}

bool CgroupParents::drop(const Path& path) {
  const uint64_t made = directories_.at(path).inode;
  const bool is_ours = made != 0 && inode_of(path) == made;
  if (is_ours && ::rmdir(path.c_str()) != 0 && errno != ENOENT) return false;
  directories_.erase(path);
  return made != 0;
}

void CgroupParents::save(const std::vector<Path>& planned) const {
  if (record_.empty()) return;
  std::string text = cat(this_boot(), "\n");
  for (const auto& [path, directory] : directories_) {
    if (directory.inode != 0) text += cat(directory.inode, " ", path.native(), "\n");
  }
  for (const Path& path : planned) text += cat("0 ", path.native(), "\n");
  if (auto written = write_file_durably(record_, text); !written) {
    log_warn(cat("cgroups that were made: ", written.error().message()));
  }
}

}  // namespace skiff::sys
