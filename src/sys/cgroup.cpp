#include "sys/cgroup.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <set>

#include "base/scope_exit.h"
#include "base/strings.h"
#include "sys/namespaces.h"
#include "sys/procfs.h"

namespace skiff::sys {

namespace {

constexpr int kMakeTries = 100;
constexpr int kRemoveTries = 200;  // 10 ms apart

bool contains(const std::vector<std::string>& list, std::string_view word) {
  return std::find(list.begin(), list.end(), word) != list.end();
}

std::vector<std::string> words(std::string_view text) {
  std::vector<std::string> parts = split(trim(text), ' ');
  std::erase(parts, "");
  return parts;
}

Result<CgroupHierarchy> unified_hierarchy(const Path& mount) {
  std::string controllers = TRY(read_file(mount / "cgroup.controllers"));
  return CgroupHierarchy{mount, words(controllers), true};
}

int64_t filesystem_magic(const Path& path) {
  struct statfs info{};
  return ::statfs(path.c_str(), &info) == 0 ? static_cast<int64_t>(info.f_type) : 0;
}

// The caller's own path in each hierarchy, by its controllers joined with commas.
Result<std::map<std::string, std::string>> own_paths() {
  std::map<std::string, std::string> paths;
  for (const std::string& line : split(TRY(TRY(ProcFs::ours())->read("self/cgroup")), '\n')) {
    std::vector<std::string> fields = split(line, ':');
    if (fields.size() >= 3) paths[fields[1]] = fields[2];
  }
  return paths;
}

std::string hierarchy_key(const CgroupHierarchy& h) {
  return h.unified ? "" : join(h.controllers, ",");
}

// The caller's own cgroup, where it is the same in all `hierarchies`; else their root: a cgroup
// has one path in all of them. With version 2 alone the one above: the own one has processes, and
// gives no controllers on.
Result<Path> own_place(const std::vector<CgroupHierarchy>& hierarchies) {
  std::map<std::string, std::string> own = TRY(own_paths());
  std::set<std::string> places;
  for (const CgroupHierarchy& h : hierarchies) places.insert(own[hierarchy_key(h)]);
  if (places.size() != 1 || !places.begin()->starts_with('/')) return Path("/");
  const Path place(*places.begin());
  return hierarchies.size() == 1 && hierarchies[0].unified ? place.parent_path() : place;
}

// `path` as it counts in all `hierarchies`, free of "..".
Result<std::string> place_in(const std::vector<CgroupHierarchy>& hierarchies,
                             const std::string& path) {
  Path base = path.starts_with('/') ? Path("/") : TRY(own_place(hierarchies));
  std::string clean = (base / path).lexically_normal().native();
  while (clean.size() > 1 && clean.back() == '/') clean.pop_back();
  if (clean == "/") return Error(Code::kInvalidArgument, "the cgroup path is the root cgroup");
  return clean;
}

// A version 1 cpuset takes no process before it has CPUs and memory nodes. Nor may the one above
// have them yet, where another process has just made it. What `file` then says.
Result<std::string> inherit(const CgroupHierarchy& h, const Path& directory, const char* file) {
  std::string own = TRY(read_file(directory / file));
  if (!trim(own).empty() || directory == h.mount) return own;
  std::string inherited = TRY(inherit(h, directory.parent_path(), file));
  TRY(write_file(directory / file, trim(inherited)));
  return inherited;
}

Result<> inherit_cpuset(const CgroupHierarchy& h, const Path& directory) {
  TRY(inherit(h, directory, "cpuset.cpus"));
  TRY(inherit(h, directory, "cpuset.mems"));
  return {};
}

// Lets children of `directory` use its controllers. One that cannot be given on is missed only
// by whoever sets its limits, and is named there.
void pass_on_controllers(const Path& directory) {
  Result<std::string> have = read_file(directory / "cgroup.controllers");
  Result<std::string> given = read_file(directory / "cgroup.subtree_control");
  if (!have || !given) return;
  std::vector<std::string> passed = words(*given);
  for (const std::string& controller : words(*have)) {
    if (contains(passed, controller)) continue;
    [[maybe_unused]] auto tried =
        write_file(directory / "cgroup.subtree_control", "+" + controller);
  }
}

// mkdir -p; `made` collects what was missing, outermost first.
Result<> try_to_make_in(const CgroupHierarchy& h, const Path& directory, std::vector<Path>& made) {
  const auto make = [&] { return ::mkdir(directory.c_str(), 0755) == 0 ? 0 : errno; };
  int err = make();
  if (err == ENOENT && directory != h.mount) {
    TRY(try_to_make_in(h, directory.parent_path(), made));
    err = make();
  }
  if (err != 0 && err != EEXIST) {
    return Error::from_errno(err, cat("make cgroup ", directory.native()));
  }
  if (err == 0) made.push_back(directory);
  if (contains(h.controllers, "cpuset") && !h.unified) TRY(inherit_cpuset(h, directory));
  return {};
}

// Whoever used one on the way last may remove it just then.
Result<> make_in(const CgroupHierarchy& h, const Path& directory, std::vector<Path>& made) {
  Result<> there = try_to_make_in(h, directory, made);
  for (int tries = 1; tries < kMakeTries; ++tries) {
    if (there || there.error().code() != Code::kNotFound) break;
    there = try_to_make_in(h, directory, made);
  }
  return there;
}

// Whether the caller may put a process in.
bool may_enter(const Path& directory) {
  return ::access((directory / "cgroup.procs").c_str(), W_OK) == 0;
}

// From the mount down to the parent of `directory`.
void pass_on_along(const CgroupHierarchy& h, const Path& directory) {
  std::vector<Path> ancestors;
  for (Path p = directory.parent_path(); p != h.mount && p != "/"; p = p.parent_path()) {
    ancestors.push_back(p);
  }
  ancestors.push_back(h.mount);
  std::for_each(ancestors.rbegin(), ancestors.rend(), pass_on_controllers);
}

Result<std::vector<std::string>> subdirectories(const Path& directory) {
  DIR* dir = ::opendir(directory.c_str());
  if (dir == nullptr) return Error::from_errno(errno, cat("list ", directory.native()));
  ScopeExit close_dir([&] { ::closedir(dir); });
  std::vector<std::string> names;
  while (const dirent* entry = ::readdir(dir)) {
    if (entry->d_type == DT_DIR && entry->d_name[0] != '.') names.emplace_back(entry->d_name);
  }
  return names;
}

void append_processes(const Path& directory, std::vector<pid_t>& pids) {
  Result<std::string> text = read_file(directory / "cgroup.procs");
  if (!text) return;  // gone meanwhile
  for (const std::string& line : split(*text, '\n')) {
    if (std::optional<int64_t> pid = parse_int(line)) pids.push_back(static_cast<pid_t>(*pid));
  }
  Result<std::vector<std::string>> nested = subdirectories(directory);
  if (!nested) return;
  for (const std::string& name : *nested) append_processes(directory / name, pids);
}

// rmdir of the directory and what a container made below it; errno of the failure, or 0.
int remove_directory(const Path& directory) {
  if (::rmdir(directory.c_str()) == 0 || errno == ENOENT) return 0;
  if (errno != EBUSY) return errno;
  Result<std::vector<std::string>> nested = subdirectories(directory);
  if (!nested) return EBUSY;
  for (const std::string& name : *nested) {
    if (int err = remove_directory(directory / name)) return err;
  }
  return ::rmdir(directory.c_str()) == 0 || errno == ENOENT ? 0 : errno;
}

Result<> check_below(const std::string& path) {
  const Path clean = Path(path).relative_path().lexically_normal();
  if (clean.empty() || *clean.begin() != "..") return {};
  return Error(Code::kInvalidArgument, cat(path, " is not a sub cgroup path"));
}

// In runc's words, which callers look for.
Result<> check_there(const Path& directory) {
  const Path file = directory / "cgroup.procs";
  if (::access(file.c_str(), F_OK) == 0) return {};
  return Error(Code::kNotFound,
               cat("adding pid of the new process to cgroups: open ", file.native(), ": ",
                   to_lower(std::generic_category().message(errno))));
}

// The path that counts for a member, relative to the group.
Path path_below(const Cgroup::Member& member, const std::map<std::string, std::string>& below) {
  for (const auto& [controller, path] : below) {
    if (controller.empty() || contains(member.controllers, controller)) {
      return Path(path).relative_path();
    }
  }
  return {};
}

}  // namespace

Result<std::vector<CgroupHierarchy>> cgroup_hierarchies(const Path& root) {
  std::vector<CgroupHierarchy> found;
  if (filesystem_magic(root) == CGROUP2_SUPER_MAGIC) {
    found.push_back(TRY(unified_hierarchy(root)));
    return found;
  }
  for (const std::string& name : TRY(subdirectories(root))) {
    Path mount = root / name;
    int64_t magic = filesystem_magic(mount);
    if (magic == CGROUP2_SUPER_MAGIC) found.push_back(TRY(unified_hierarchy(mount)));
    if (magic != CGROUP_SUPER_MAGIC) continue;
    std::vector<std::string> controllers = split(name, ',');
    if (name == "systemd") controllers = {"name=systemd"};
    found.push_back({mount, std::move(controllers), false});
  }
  if (found.empty()) {
    return Error(Code::kUnavailable, cat("no cgroup hierarchy is mounted below ", root.native()));
  }
  return found;
}

std::vector<int> CgroupEntry::descriptors() const {
  std::vector<int> fds;
  fds.reserve(tasks_.size());
  for (const UniqueFd& tasks : tasks_) fds.push_back(tasks.get());
  return fds;
}

Result<> CgroupEntry::enter() const {
  for (const UniqueFd& tasks : tasks_) {
    if (::write(tasks.get(), "0", 1) != 1) return Error::from_errno(errno, "enter the cgroup");
  }
  return {};
}

Result<Cgroup> Cgroup::create(const std::string& path, const Path& root) {
  return make(path, root, false);
}

Result<Cgroup> Cgroup::adopt(const std::string& path, const Path& root) {
  return make(path, root, true);
}

void Cgroup::make_ahead(const std::string& path, const Path& root) {
  const auto hierarchies = cgroup_hierarchies(root);
  if (!hierarchies) return;
  const auto place = place_in(*hierarchies, path);
  if (!place) return;
  std::vector<Path> made;
  for (const CgroupHierarchy& h : *hierarchies) {
    [[maybe_unused]] auto tried = make_in(h, h.mount / place->substr(1), made);
  }
}

Result<Cgroup> Cgroup::make(const std::string& path, const Path& root, bool shared) {
  Cgroup group;
  std::vector<Path> made;
  ScopeExit undo([&] {
    std::for_each(made.rbegin(), made.rend(),
                  [](const Path& directory) { ::rmdir(directory.c_str()); });
  });
  std::vector<CgroupHierarchy> hierarchies = TRY(cgroup_hierarchies(root));
  group.v2_ = hierarchies.size() == 1 && hierarchies[0].unified;
  group.path_ = TRY(place_in(hierarchies, path));
  for (const CgroupHierarchy& h : hierarchies) {
    Path directory = h.mount / group.path_.substr(1);
    Result<> there = make_in(h, directory, made);
    if (!is_machine_root() && (!there || !may_enter(directory))) continue;
    TRY(there);
    if (group.v2_) pass_on_along(h, directory);
    group.members_.push_back({h.controllers, h.mount, directory, h.unified});
  }
  std::vector<pid_t> inside = TRY(group.processes());
  if (!inside.empty() && !shared) {
    return Error(Code::kAlreadyExists, cat("container's cgroup is not empty: ", group.path_));
  }
  if (group.frozen()) {
    return Error(Code::kFailedPrecondition,
                 cat("container's cgroup unexpectedly frozen: ", group.path_));
  }
  undo.dismiss();
  return group;
}

Result<Cgroup> Cgroup::open(const std::string& path, const Path& root) {
  Cgroup group;
  std::vector<CgroupHierarchy> hierarchies = TRY(cgroup_hierarchies(root));
  group.v2_ = hierarchies.size() == 1 && hierarchies[0].unified;
  group.path_ = TRY(place_in(hierarchies, path));
  for (const CgroupHierarchy& h : hierarchies) {
    Path directory = h.mount / group.path_.substr(1);
    if (::access(directory.c_str(), F_OK) != 0) continue;
    group.members_.push_back({h.controllers, h.mount, directory, h.unified});
  }
  return group;
}

bool Cgroup::has(std::string_view controller) const {
  return std::any_of(members_.begin(), members_.end(), [&](const Member& member) {
    return contains(member.controllers, controller);
  });
}

Result<Path> Cgroup::directory(std::string_view controller) const {
  for (const Member& member : members_) {
    bool wanted =
        controller.empty() ? member.unified : (v2_ || contains(member.controllers, controller));
    if (wanted) return member.directory;
  }
  const char* who = is_machine_root() ? "the host has" : "this user was given";
  return Error(Code::kUnavailable, cat(who, " no cgroup controller \"", controller, "\""));
}

Result<CgroupEntry> Cgroup::entry(const std::map<std::string, std::string>& below) const {
  for (const auto& [controller, path] : below) {
    if (!controller.empty() && !has(controller)) {
      return Error(Code::kInvalidArgument, cat("unknown controller ", quoted(controller)));
    }
    TRY(check_below(path));
  }
  CgroupEntry entry;
  for (const Member& member : members_) {
    const Path directory = member.directory / path_below(member, below);
    if (!below.empty()) TRY(check_there(directory));
    if (member.unified) {
      entry.unified_ = TRY(open_file(directory, O_RDONLY | O_DIRECTORY));
    } else {
      entry.tasks_.push_back(TRY(open_file(directory / "tasks", O_WRONLY)));
    }
  }
  return entry;
}

Result<> Cgroup::write(std::string_view controller, const std::string& file,
                       std::string_view value) const {
  Path path = TRY(directory(controller)) / file;
  // Never created: a missing file is a feature that the kernel lacks.
  UniqueFd fd = TRY_CONTEXT(open_file(path, O_WRONLY), "set a cgroup limit");
  if (::write(fd.get(), value.data(), value.size()) != static_cast<ssize_t>(value.size())) {
    return Error::from_errno(errno, cat("write ", value, " to ", path.native()));
  }
  return {};
}

Result<std::string> Cgroup::read(std::string_view controller, const std::string& file) const {
  return read_file(TRY(directory(controller)) / file);
}

Result<std::vector<pid_t>> Cgroup::processes() const {
  std::vector<pid_t> pids;
  // One hierarchy is as good as another, but a v1 container may be in "devices" for certain.
  const Member* chosen = members_.empty() ? nullptr : &members_.front();
  for (const Member& member : members_) {
    if (contains(member.controllers, "devices")) chosen = &member;
  }
  if (chosen != nullptr) append_processes(chosen->directory, pids);
  return pids;
}

Result<> Cgroup::remove() const {
  for (const Member& member : members_) {
    int err = 0;
    for (int attempt = 0; attempt < kRemoveTries; ++attempt) {
      err = remove_directory(member.directory);
      if (err != EBUSY) break;
      ::poll(nullptr, 0, 10);
    }
    if (err != 0) return Error::from_errno(err, cat("remove cgroup ", member.directory.native()));
  }
  return {};
}

}  // namespace skiff::sys
