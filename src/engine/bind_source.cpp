#include "engine/bind_source.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <vector>

#include "base/strings.h"
#include "sys/procfs.h"

namespace skiff::engine {

namespace {

struct HostMount {
  std::string place;
  bool shared = false;
  bool slave = false;
};

// A line of mountinfo: number, parent's, device, root, place, options, then words such as
// "shared:7", and "-".
std::optional<HostMount> mount_of(const Path& path) {
  struct statx found{};
  if (::statx(AT_FDCWD, path.c_str(), 0, STATX_MNT_ID, &found) != 0) return std::nullopt;
  const Result<const sys::ProcFs*> proc = sys::ProcFs::ours();
  const Result<std::string> table = proc ? (*proc)->read("self/mountinfo") : proc.error();
  if (!table || (found.stx_mask & STATX_MNT_ID) == 0) return std::nullopt;
  const std::string number = cat(found.stx_mnt_id, " ");
  for (const std::string& line : split(*table, '\n')) {
    if (!line.starts_with(number)) continue;
    const std::vector<std::string> fields = split(line, ' ');
    const auto end = std::find(fields.begin(), fields.end(), "-");
    if (end - fields.begin() < 6) return std::nullopt;
    HostMount mount{.place = fields[4]};
    for (auto word = fields.begin() + 6; word != end; ++word) {
      mount.shared = mount.shared || word->starts_with("shared:");
      mount.slave = mount.slave || word->starts_with("master:");
    }
    return mount;
  }
  return std::nullopt;
}

// Or opens what somebody else has just made, and leaves it theirs.
Result<UniqueFd> make_one(int parent, const Path& name, const std::optional<sys::IdMaps>& maps) {
  const bool made = ::mkdirat(parent, name.c_str(), 0755) == 0;
  if (!made && errno != EEXIST) return Error::from_errno(errno, cat("mkdir ", name.native()));
  UniqueFd fd(::openat(parent, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!fd) return Error::from_errno(errno, cat("open ", name.native()));
  if (!made || !maps) return fd;
  const uint32_t uid = sys::outside_id(maps->uids, 0).value_or(0);
  const uint32_t gid = sys::outside_id(maps->gids, 0).value_or(0);
  if (::fchown(fd.get(), uid, gid) != 0) {
    return Error::from_errno(errno, cat("chown ", name.native()));
  }
  return fd;
}

}  // namespace

// By descriptors all the way: who can write to a directory on it can swap what is in there, and
// gets nothing owned but what was made here.
Result<> make_bind_source(const Path& source, const std::optional<sys::IdMaps>& maps) {
  struct stat st{};
  if (::stat(source.c_str(), &st) == 0) return {};
  UniqueFd here = TRY(open_file("/", O_PATH | O_DIRECTORY));
  for (const Path& name : source.relative_path()) {
    if (name.empty()) continue;  // after a '/' at the end
    UniqueFd next(::openat(here.get(), name.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!next && errno == ENOENT) {
      here = TRY_CONTEXT(make_one(here.get(), name, maps), source.native());
      continue;
    }
    if (!next) return Error::from_errno(errno, cat(source.native(), ": open ", name.native()));
    here = std::move(next);
  }
  return {};
}

Result<> check_propagation(const Path& source, const std::string& propagation) {
  const bool wants_shared = propagation.ends_with("shared");
  if (!wants_shared && !propagation.ends_with("slave")) return {};
  const std::optional<HostMount> mount = mount_of(source);
  if (!mount || mount->shared || (mount->slave && !wants_shared)) return {};
  return Error(Code::kInvalidArgument,
               cat("path ", source.native(), " is mounted on ", mount->place, " but it is not a ",
                   wants_shared ? "shared" : "shared or slave", " mount"));
}

}  // namespace skiff::engine
