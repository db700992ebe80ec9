#include "base/file.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstdlib>

#include "base/io.h"
#include "base/random.h"
#include "base/scope_exit.h"
#include "base/strings.h"

namespace skiff {

namespace {

class SystemDurableFiles : public DurableFiles {
 public:
  Result<> sync_file(int fd) override {
    if (::fsync(fd) != 0) return Error::from_errno(errno, "fsync");
    return {};
  }
  Result<> rename(const Path& from, const Path& to) override {
    if (::rename(from.c_str(), to.c_str()) != 0) {
      return Error::from_errno(errno, cat("rename ", from.native(), " to ", to.native()));
    }
    return {};
  }
  Result<> sync_directory(const Path& directory) override {
    UniqueFd fd = TRY(open_file(directory, O_RDONLY | O_DIRECTORY));
    return sync_file(fd.get()).context(directory.native());
  }
  Result<> unlink(const Path& path) override {
    if (::unlink(path.c_str()) != 0) return Error::from_errno(errno, cat("unlink ", path.native()));
    return {};
  }
};

}  // namespace

DurableFiles& DurableFiles::system() {
  static SystemDurableFiles files;
  return files;
}

Result<UniqueFd> open_file(const Path& path, int flags, mode_t mode) {
  UniqueFd fd(::open(path.c_str(), flags | O_CLOEXEC, mode));
  if (!fd) return Error::from_errno(errno, cat("open ", path.native()));
  return fd;
}

Result<std::string> read_file(const Path& path, size_t limit) {
  UniqueFd fd = TRY(open_file(path, O_RDONLY));
  FdSource source(fd.get());
  return TRY_CONTEXT(read_all(source, limit), cat("read ", path.native()));
}

Result<std::string> read_link_at(int directory, const std::string& name) {
  std::string target(PATH_MAX, '\0');
  ssize_t n = ::readlinkat(directory, name.c_str(), target.data(), target.size());
  if (n < 0) return Error::from_errno(errno, cat("readlink ", name));
  target.resize(static_cast<size_t>(n));
  return target;
}

Result<> write_file(const Path& path, std::string_view bytes) {
  UniqueFd fd = TRY(open_file(path, O_WRONLY | O_CREAT | O_TRUNC, 0644));
  FdSink sink(fd.get());
  return sink.write(bytes).context(cat("write ", path.native()));
}

Result<> make_directories(const Path& path, mode_t mode) {
  if (path.empty() || ::mkdir(path.c_str(), mode) == 0) return {};
  if (errno == ENOENT) {
    TRY(make_directories(path.parent_path(), mode));
    if (::mkdir(path.c_str(), mode) == 0) return {};
  }
  struct stat st{};
  if (errno == EEXIST && ::stat(path.c_str(), &st) == 0) {
    if (S_ISDIR(st.st_mode)) return {};
    errno = ENOTDIR;
  }
  return Error::from_errno(errno, cat("mkdir ", path.native()));
}

namespace {

// Whoever made the tree may have nested directories deeper than there are descriptors, or
// stack: what lies this deep is moved up to the top before it is removed.
constexpr int kDeepest = 100;

// The removal of one tree.
class TreeRemoval {
 public:
  Result<> entry(int parent, const char* name, int depth);

 private:
  Result<> directory(int parent, const char* name, int depth);
  Result<> contents(DIR* dir, int fd, const char* name, int depth);

  int top_ = -1;        // the tree's own directory
  bool moved_ = false;  // something was moved into it
};

Result<> TreeRemoval::entry(int parent, const char* name, int depth) {
  if (::unlinkat(parent, name, 0) == 0 || errno == ENOENT) return {};
  if (errno != EISDIR && errno != EPERM) return Error::from_errno(errno, cat("unlink ", name));
  struct statx info{};
  if (::statx(parent, name, AT_SYMLINK_NOFOLLOW, STATX_TYPE, &info) != 0) {
    return Error::from_errno(errno, cat("stat ", name));
  }
  if ((info.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0) {
    return Error::from_errno(EBUSY, cat("remove mount point ", name));
  }
  if (depth < kDeepest) return directory(parent, name, depth);
  std::string moved = cat(".removed-", random_hex(16));
  if (::renameat(parent, name, top_, moved.c_str()) != 0) {
    return Error::from_errno(errno, cat("move ", name));
  }
  moved_ = true;
  return {};
}

Result<> TreeRemoval::directory(int parent, const char* name, int depth) {
  UniqueFd fd(::openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!fd) return Error::from_errno(errno, cat("open ", name));
  DIR* dir = ::fdopendir(fd.get());
  if (dir == nullptr) return Error::from_errno(errno, cat("list ", name));
  int dir_fd = fd.release();
  ScopeExit close_dir([&] { ::closedir(dir); });
  if (depth == 0) top_ = dir_fd;
  TRY(contents(dir, dir_fd, name, depth));
  while (depth == 0 && std::exchange(moved_, false)) {
    ::rewinddir(dir);
    TRY(contents(dir, dir_fd, name, depth));
  }
  if (::unlinkat(parent, name, AT_REMOVEDIR) == 0 || errno == ENOENT) return {};
  return Error::from_errno(errno, cat("rmdir ", name));
}

Result<> TreeRemoval::contents(DIR* dir, int fd, const char* name, int depth) {
  while (const dirent* entry = ::readdir(dir)) {
    std::string_view child = entry->d_name;
    if (child == "." || child == "..") continue;
    TRY_CONTEXT(this->entry(fd, entry->d_name, depth + 1), name);
  }
  return {};
}

}  // namespace

Result<> remove_tree(const Path& path) { return TreeRemoval().entry(AT_FDCWD, path.c_str(), 0); }

Result<> write_file_durably(const Path& path, std::string_view bytes, mode_t mode,
                            DurableFiles& files) {
  Path temp = path;
  temp += cat(".", random_hex(8), ".tmp");
  UniqueFd fd = TRY(open_file(temp, O_WRONLY | O_CREAT | O_EXCL, mode));
  auto write_and_rename = [&]() -> Result<> {
    FdSink sink(fd.get());
    TRY(sink.write(bytes));
    TRY(files.sync_file(fd.get()));
    return files.rename(temp, path);
  };
  Result<> done = write_and_rename();
  if (!done) {
    ::unlink(temp.c_str());
    return std::move(done).context(cat("write ", path.native()));
  }
  return files.sync_directory(path.parent_path());
}

Result<TempDir> TempDir::make(const Path& parent, std::string_view prefix) {
  std::string pattern = (parent / cat(prefix, "XXXXXX")).native();
  if (::mkdtemp(pattern.data()) == nullptr) {
    return Error::from_errno(errno, cat("make a temporary directory ", pattern));
  }
  return TempDir(pattern);
}

TempDir& TempDir::operator=(TempDir&& other) noexcept {
  std::swap(path_, other.path_);
  return *this;
}

TempDir::~TempDir() {
  if (path_.empty()) return;
  [[maybe_unused]] auto ignored = remove_tree(path_);  // a destructor has nobody to tell
}

}  // namespace skiff
