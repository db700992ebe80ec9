#include "engine/path_stat.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <filesystem>

#include "base/file.h"
#include "base/strings.h"

namespace skiff::engine {

namespace {

// Where a symlink leads, as a path of the container; also where nothing is there.
std::string link_target(const sys::RootDir& root, const std::string& root_path,
                        const std::string& path) {
  auto place = root.place_of(path);
  if (!place) return "";
  if (auto target = root.open_at(path, O_PATH)) {
    const std::string real = read_link_at(AT_FDCWD, sys::fd_path(target->get())).value_or("");
    if (real == root_path) return "/";
    if (real.starts_with(root_path + "/")) return real.substr(root_path.size());
  }
  const std::string target = read_link_at(place->parent.get(), place->name).value_or("");
  return (Path(path).parent_path() / target).lexically_normal().string();
}

}  // namespace

CpPath::CpPath(const std::string& text) {
  path = (Path("/") / text).lexically_normal().string();
  bool contents = text.ends_with("/.") || text == ".";
  follow = contents || text.ends_with('/') || path == "/";
  while (path.size() > 1 && path.ends_with('/')) path.pop_back();
  name = path == "/" ? "/" : Path(path).filename().string();
  if (contents && path != "/") name = ".";
}

uint32_t go_file_mode(mode_t mode) {
  constexpr uint32_t kDirectory = 1U << 31U;
  constexpr uint32_t kSymlink = 1U << 27U;
  constexpr uint32_t kDevice = 1U << 26U;
  constexpr uint32_t kFifo = 1U << 25U;
  constexpr uint32_t kSocket = 1U << 24U;
  constexpr uint32_t kSetUid = 1U << 23U;
  constexpr uint32_t kSetGid = 1U << 22U;
  constexpr uint32_t kCharDevice = 1U << 21U;
  constexpr uint32_t kSticky = 1U << 20U;
  uint32_t out = mode & 0777U;
  if (S_ISDIR(mode)) out |= kDirectory;
  if (S_ISLNK(mode)) out |= kSymlink;
  if (S_ISBLK(mode)) out |= kDevice;
  if (S_ISCHR(mode)) out |= kDevice | kCharDevice;
  if (S_ISFIFO(mode)) out |= kFifo;
  if (S_ISSOCK(mode)) out |= kSocket;
  if ((mode & S_ISUID) != 0) out |= kSetUid;
  if ((mode & S_ISGID) != 0) out |= kSetGid;
  if ((mode & S_ISVTX) != 0) out |= kSticky;
  return out;
}

Result<PathStat> stat_in_tree(const sys::RootDir& root, const std::string& root_path,
                              const CpPath& path) {
  struct stat st = TRY(path.follow ? root.stat(path.path) : root.lstat(path.path));
  if (path.follow && !S_ISDIR(st.st_mode)) {
    return Error::from_errno(ENOTDIR, cat("stat ", path.path, "/"));
  }
  PathStat out;
  out.name = path.name;
  out.size = st.st_size;
  out.mode = go_file_mode(st.st_mode);
  out.mtime = TimePoint(std::chrono::seconds(st.st_mtim.tv_sec) +
                        std::chrono::nanoseconds(st.st_mtim.tv_nsec));
  if (S_ISLNK(st.st_mode)) out.link_target = link_target(root, root_path, path.path);
  return out;
}

}  // namespace skiff::engine
