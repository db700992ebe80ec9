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

}  // namespace

Result<> make_bind_source(const Path& source, const std::optional<sys::IdMaps>& maps) {
  std::vector<Path> missing;
  struct stat st{};
  for (Path at = source; ::stat(at.c_str(), &st) != 0 && at.has_relative_path();
       at = at.parent_path()) {
    missing.push_back(at);
  }
  if (missing.empty()) return {};
  TRY(make_directories(source, 0755));
  if (!maps) return {};
  const uint32_t uid = sys::outside_id(maps->uids, 0).value_or(0);
  const uint32_t gid = sys::outside_id(maps->gids, 0).value_or(0);
  for (const Path& made : missing) {
    if (::lchown(made.c_str(), uid, gid) != 0) {
      return Error::from_errno(errno, cat("chown ", made.native()));
    }
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
