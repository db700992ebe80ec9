#include "builder/mount_points.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <set>

#include "base/file.h"
#include "base/strings.h"
#include "builder/vocabulary.h"
#include "dockerfile/config_words.h"
#include "snapshot/file_attributes.h"

namespace skiff::builder {

namespace {

constexpr int kMostLinks = 40;

class Maker {
 public:
  Maker(const sys::RootDir& tree, const sys::RootDir& stubs) : tree_(tree), stubs_(stubs) {}

  Result<bool> make(const std::vector<MountPlace>& places) {
    TRY(take_over(""));
    bool any = false;
    for (const MountPlace& place : places) {
      if (tree_.stat(place.path)) continue;
      TRY(make_one(place));
      any = true;
    }
    // What was put into them has changed their times.
    for (auto it = taken_over_.rbegin(); it != taken_over_.rend(); ++it) TRY(copy_attributes(*it));
    return any;
  }

 private:
  // Components that are there become directories that look alike; the first that is not ends the
  // descent. A link leads on from where it points.
  Result<> make_one(const MountPlace& place) {
    std::string path = clean_path(place.path);
    for (int links = 0; links < kMostLinks; ++links) {
      std::string link;
      std::string so_far;
      size_t at = 0;
      while (at < path.size() && link.empty()) {
        const size_t end = std::min(path.find('/', at + 1), path.size());
        const std::string next = path.substr(0, end);
        const auto st = tree_.lstat(next);
        if (!st) return make_rest(path, place.directory);
        if (S_ISLNK(st->st_mode)) {
          link = next;
        } else if (end == path.size()) {
          return {};
        } else {
          TRY(take_over(next));
          at = end;
        }
      }
      auto real = real_path(link);
      if (!real) return {};  // a dangling link: the runtime decides
      path = clean_path(cat(*real, "/", path.substr(link.size())));
    }
    return {};
  }

  Result<> make_rest(const std::string& path, bool directory) {
    if (directory) {
      TRY(stubs_.make_directories(path));
      return {};
    }
    sys::Place made = TRY(stubs_.make_place(path));
    UniqueFd fd(::openat(made.parent.get(), made.name.c_str(),
                         O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0644));
    if (!fd) return Error::from_errno(errno, cat("create ", path));
    return {};
  }

  Result<std::string> real_path(const std::string& path) {
    UniqueFd fd = TRY(tree_.open_at(path, O_PATH | O_DIRECTORY));
    const std::string root = TRY(read_link_at(AT_FDCWD, sys::fd_path(tree_.fd())));
    const std::string real = TRY(read_link_at(AT_FDCWD, sys::fd_path(fd.get())));
    if (!real.starts_with(root)) return Error(Code::kNotFound, path);
    return real.substr(root.size());
  }

  Result<> take_over(const std::string& path) {
    if (!seen_.insert(path).second) return {};
    TRY(stubs_.make_directories(path));
    taken_over_.push_back(path);
    return copy_attributes(path);
  }

  Result<> copy_attributes(const std::string& path) {
    UniqueFd from = TRY(tree_.open_at(path, O_RDONLY | O_DIRECTORY));
    UniqueFd to = TRY(stubs_.open_at(path, O_RDONLY | O_DIRECTORY));
    return snapshot::copy_directory_attributes(from.get(), to.get());
  }

  const sys::RootDir& tree_;
  const sys::RootDir& stubs_;
  std::set<std::string> seen_;
  std::vector<std::string> taken_over_;
};

}  // namespace

Result<bool> make_mount_points(const sys::RootDir& tree, const sys::RootDir& stubs,
                               const std::vector<MountPlace>& places) {
  return Maker(tree, stubs).make(places);
}

}  // namespace skiff::builder
