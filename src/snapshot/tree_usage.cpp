#include "snapshot/tree_usage.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <set>

#include "base/strings.h"
#include "snapshot/layer_directory.h"
#include "snapshot/lower_dir.h"

namespace skiff::snapshot {

namespace {

// Levels of directories that any path can name: what somebody hides deeper is not counted.
constexpr int kDeepest = 2048;

struct Counter {
  Usage usage;
  std::set<std::pair<dev_t, ino_t>> seen;

  void count(const struct stat& st) {
    bool again =
        !S_ISDIR(st.st_mode) && st.st_nlink > 1 && !seen.emplace(st.st_dev, st.st_ino).second;
    if (again) return;
    usage.bytes += static_cast<uint64_t>(st.st_blocks) * 512;
    ++usage.inodes;
  }

  Result<> directory(int fd, int depth) {
    if (depth > kDeepest) return {};
    std::vector<std::string> names = TRY(list_directory(fd));
    for (const std::string& name : names) {
      struct stat st{};
      if (::fstatat(fd, name.c_str(), &st, AT_SYMLINK_NOFOLLOW) != 0) {
        if (errno == ENOENT) continue;  // a running container goes on removing
        return Error::from_errno(errno, cat("stat ", name));
      }
      count(st);
      if (!S_ISDIR(st.st_mode)) continue;
      UniqueFd child(::openat(fd, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
      if (child) TRY_CONTEXT(directory(child.get(), depth + 1), name);
    }
    return {};
  }
};

}  // namespace

Result<Usage> usage_of_tree(const Path& root) {
  UniqueFd fd = TRY(open_file(root, O_RDONLY | O_DIRECTORY));
  struct stat st{};
  if (::fstat(fd.get(), &st) != 0) return Error::from_errno(errno, cat("stat ", root.native()));
  Counter counter;
  counter.count(st);
  TRY_CONTEXT(counter.directory(fd.get(), 0), cat("count ", root.native()));
  return counter.usage;
}

static Result<Usage> usage_of_indexed_layer(const Path& directory) {
  Counter counter;
  for (const Path& path : {directory, directory / kTarName, directory / kIndexName}) {
    struct stat st{};
    if (::stat(path.c_str(), &st) != 0)
      return Error::from_errno(errno, cat("stat ", path.native()));
    counter.count(st);
  }
  return counter.usage;
}

Result<Usage> usage_of_layer(const Path& directory) {
  Usage all = TRY(is_indexed(directory) ? usage_of_indexed_layer(directory)
                                        : usage_of_tree(directory / kTreeName));
  for (const char* form : {kFlatName, kUnpackedName}) {
    if (!is_present(directory / form)) continue;
    const Usage more = TRY(usage_of_layer(directory / form));
    all.bytes += more.bytes;
    all.inodes += more.inodes;
  }
  if (is_present(directory / kRetiredName)) {
    const Usage more = TRY(usage_of_tree(directory / kRetiredName));
    all.bytes += more.bytes;
    all.inodes += more.inodes;
  }
  return all;
}

}  // namespace skiff::snapshot
