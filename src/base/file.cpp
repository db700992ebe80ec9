#include "base/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstdlib>

#include "base/io.h"
#include "base/random.h"
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
