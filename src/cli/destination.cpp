#include "cli/destination.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/random.h"
#include "base/strings.h"
#include "cli/unpack.h"

namespace skiff::cli {

namespace {

namespace fs = std::filesystem;

constexpr size_t kDigits = 8;  // of temporary names

class StandardOutput : public Destination {
 public:
  Result<> write(std::string_view bytes) override { return FdSink(STDOUT_FILENO).write(bytes); }
  Result<> commit() override { return {}; }
};

Path temporary_name(const Path& beside) {
  return cat(beside.native(), ".skiff-", random_hex(kDigits));
}

class InPlace : public Destination {
 public:
  InPlace(const Path& path, UniqueFd fd) : path_(path), fd_(std::move(fd)) {}
  Result<> write(std::string_view bytes) override {
    return FdSink(fd_.get()).write(bytes).context(path_.native());
  }
  Result<> commit() override { return {}; }

 private:
  Path path_;
  UniqueFd fd_;
};

// A file without a name until it is whole, so that nothing stays of it, however its process ends.
class NewFile : public Destination {
 public:
  NewFile(Path path, UniqueFd fd) : path_(std::move(path)), fd_(std::move(fd)) {}
  Result<> write(std::string_view bytes) override {
    return FdSink(fd_.get()).write(bytes).context(cat("write ", path_.native()));
  }
  Result<> commit() override {
    const std::string own = cat("/proc/self/fd/", fd_.get());
    const Path named = temporary_name(path_);
    if (::fsync(fd_.get()) != 0 ||
        ::linkat(AT_FDCWD, own.c_str(), AT_FDCWD, named.c_str(), AT_SYMLINK_FOLLOW) != 0) {
      return Error::from_errno(errno, cat("write ", path_.native()));
    }
    if (::rename(named.c_str(), path_.c_str()) == 0) return {};
    const Error error = Error::from_errno(errno, cat("write ", path_.native()));
    ::unlink(named.c_str());
    return error;
  }

 private:
  Path path_;
  UniqueFd fd_;
};

Result<UniqueFd> open_nameless(const Path& directory, mode_t mode) {
  return open_file(directory.empty() ? Path(".") : directory, O_TMPFILE | O_RDWR | O_CLOEXEC, mode);
}

// The nearest directory above that is there.
Path nearest_directory(Path path) {
  std::error_code ec;
  while (!path.empty() && path != path.root_path() && !fs::exists(path, ec)) {
    path = path.parent_path();
  }
  return path.empty() ? Path(".") : path;
}

bool is_real_directory(const Path& path) {
  std::error_code ec;
  return fs::symlink_status(path, ec).type() == fs::file_type::directory;
}

// Moves what is in `from` into `to`: files take the place of files, directories join.
Result<> merge(const Path& from, const Path& to) {
  std::error_code ec;
  for (const auto& entry : fs::directory_iterator(from, ec)) {
    const Path target = to / entry.path().filename();
    if (is_real_directory(entry.path()) && is_real_directory(target)) {
      TRY(merge(entry.path(), target));
    } else if (::rename(entry.path().c_str(), target.c_str()) != 0) {
      return Error::from_errno(errno, cat("write ", target.native()));
    }
  }
  if (ec) return Error::from_errno(ec.value(), cat("read ", from.native()));
  return {};
}

// Keeps the tar in a file without a name until it is whole, then unpacks it beside its place.
class NewFiles : public Destination {
 public:
  NewFiles(Path path, UniqueFd spool) : path_(std::move(path)), spool_(std::move(spool)) {}
  Result<> write(std::string_view bytes) override {
    return FdSink(spool_.get()).write(bytes).context(cat("write ", path_.native()));
  }
  Result<> commit() override {
    if (::lseek(spool_.get(), 0, SEEK_SET) != 0) return Error::from_errno(errno, "read the files");
    FdSource tar(spool_.get());
    TRY(make_directories(path_, 0755));
    // In the directory itself, which may be a mount.
    const TempDir fresh = TRY(TempDir::make(path_, ".skiff-"));
    const auto as_named = [](const std::string& name) { return name; };
    TRY(unpack(tar, fresh.path(), {.place = as_named}));
    return merge(fresh.path(), path_);
  }

 private:
  Path path_;
  UniqueFd spool_;
};

}  // namespace

std::unique_ptr<Destination> to_standard_output() { return std::make_unique<StandardOutput>(); }

Result<std::unique_ptr<Destination>> to_file(const Path& path) {
  struct stat status{};
  if (::stat(path.c_str(), &status) == 0 && !S_ISREG(status.st_mode)) {
    return std::make_unique<InPlace>(path, TRY(open_file(path, O_WRONLY | O_CLOEXEC)));
  }
  UniqueFd fd = TRY_CONTEXT(open_nameless(path.parent_path(), 0666), cat("write ", path.native()));
  return std::make_unique<NewFile>(path, std::move(fd));
}

Result<std::unique_ptr<Destination>> to_directory(const Path& path) {
  UniqueFd fd =
      TRY_CONTEXT(open_nameless(nearest_directory(path), 0600), cat("write ", path.native()));
  return std::make_unique<NewFiles>(path, std::move(fd));
}

}  // namespace skiff::cli
