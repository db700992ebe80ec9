#include "snapshot/symlink_walk.h"

#include <sys/stat.h>

#include <cerrno>
#include <string_view>
#include <vector>

namespace skiff::snapshot {

namespace {

using Id = ErofsTree::Id;

constexpr int kMaxSymlinks = 40;  // as the kernel's MAXSYMLINKS

class Walk {
 public:
  Walk(const ErofsTree& tree, Id start, std::string path)
      : tree_(tree), at_(start), path_(std::move(path)) {}

  // 0 at the directory where the targets lead, or an errno.
  int follow(Id symlink) {
    if (int error = push(symlink); error != 0) return error;
    while (!pending_.empty()) {
      if (pending_.back().empty()) {
        pending_.pop_back();
      } else if (int error = step(next_name()); error != 0) {
        return error;
      }
    }
    return 0;
  }
  Id at() const { return at_; }
  const std::string& path() const { return path_; }

 private:
  int push(Id symlink) {
    if (++followed_ > kMaxSymlinks) return ELOOP;
    const std::string_view target = tree_.target(tree_.inode(symlink));
    if (target.starts_with('/')) return EXDEV;
    pending_.push_back(target);
    return 0;
  }

  std::string_view next_name() {
    std::string_view& rest = pending_.back();
    const size_t slash = rest.find('/');
    const std::string_view name = rest.substr(0, slash);
    rest = slash == std::string_view::npos ? std::string_view() : rest.substr(slash + 1);
    return name;
  }

  int step(std::string_view name) {
    if (name.empty() || name == ".") return 0;
    if (name == "..") {
      if (at_ == ErofsTree::kRoot) return EXDEV;
      at_ = tree_.inode(at_).parent();
      const size_t slash = path_.rfind('/');
      path_.erase(slash == std::string::npos ? 0 : slash);
      return 0;
    }
    const std::optional<Id> found = tree_.find(at_, name);
    if (!found) return ENOENT;
    if (S_ISLNK(tree_.inode(*found).mode)) return push(*found);
    if (!tree_.is_directory(*found)) return ENOTDIR;
    at_ = *found;
    if (!path_.empty()) path_.push_back('/');
    path_.append(name);
    return 0;
  }

  const ErofsTree& tree_;
  Id at_;
  std::string path_;
  int followed_ = 0;
  std::vector<std::string_view> pending_;  // what is left of each target, the innermost last
};

}  // namespace

SymlinkEnd follow_symlink(const ErofsTree& tree, Id directory, std::string path, Id symlink) {
  Walk walk(tree, directory, std::move(path));
  const int error = walk.follow(symlink);
  return {.directory = walk.at(), .path = walk.path(), .error = error};
}

}  // namespace skiff::snapshot
