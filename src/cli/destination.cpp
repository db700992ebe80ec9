#include "cli/destination.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/random.h"
#include "base/strings.h"
#include "cli/layout_index.h"
#include "cli/unpack.h"

namespace skiff::cli {

namespace {

namespace fs = std::filesystem;

constexpr size_t kNameDigits = 8;  // of temporary names

class StandardOutput : public Destination {
 public:
  Result<> write(std::string_view bytes) override { return FdSink(STDOUT_FILENO).write(bytes); }
  Result<> commit() override { return {}; }
};

Path temporary_name(const Path& beside) {
  return cat(beside.native(), ".skiff-", random_hex(kNameDigits));
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

// While this lives, what ends the program waits; sources that ask about it fail.
class Uninterrupted {
 public:
  Uninterrupted() {
    sigset_t waiting;
    sigemptyset(&waiting);
    for (const int number : kEnding) sigaddset(&waiting, number);
    ::pthread_sigmask(SIG_BLOCK, &waiting, &before_);
  }
  Uninterrupted(const Uninterrupted&) = delete;
  Uninterrupted& operator=(const Uninterrupted&) = delete;
  ~Uninterrupted() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

  static Result<> check() {
    sigset_t pending;
    sigemptyset(&pending);
    ::sigpending(&pending);
    for (const int number : kEnding) {
      if (sigismember(&pending, number) == 1) return Error(Code::kCancelled, "interrupted");
    }
    return {};
  }

 private:
  static constexpr int kEnding[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
  sigset_t before_{};
};

class InterruptedSource : public Source {
 public:
  explicit InterruptedSource(Source& from) : from_(from) {}
  Result<size_t> read(std::span<char> buffer) override {
    TRY(Uninterrupted::check());
    return from_.read(buffer);
  }

 private:
  Source& from_;
};

// A file without a name until it is whole, so that nothing stays of it, however its process ends.
class NewFile : public Destination {
 public:
  NewFile(Path path, UniqueFd fd) : path_(std::move(path)), fd_(std::move(fd)) {}
  Result<> write(std::string_view bytes) override {
    return FdSink(fd_.get()).write(bytes).context(cat("write ", path_.native()));
  }
  Result<> commit() override {
    if (::fsync(fd_.get()) != 0) return Error::from_errno(errno, cat("write ", path_.native()));
    const std::string own = cat("/proc/self/fd/", fd_.get());
    const Uninterrupted naming;
    const Path named = temporary_name(path_);
    if (::linkat(AT_FDCWD, own.c_str(), AT_FDCWD, named.c_str(), AT_SYMLINK_FOLLOW) != 0) {
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

// Whether merge() can do all of it.
Result<> check_merge(const Path& from, const Path& to) {
  std::error_code ec;
  for (const auto& entry : fs::directory_iterator(from, ec)) {
    const Path target = to / entry.path().filename();
    std::error_code unknown;  // also of what is not there
    const auto there = fs::symlink_status(target, unknown).type();
    if (there == fs::file_type::not_found) continue;
    const bool is_directory = is_real_directory(entry.path());
    if (is_directory != (there == fs::file_type::directory)) {
      return Error(Code::kFailedPrecondition,
                   cat("nothing is written: ", target.native(),
                       is_directory ? " is no directory, and is to be one"
                                    : " is a directory, and is to be none"));
    }
    if (is_directory) TRY(check_merge(entry.path(), target));
  }
  if (ec) return Error::from_errno(ec.value(), cat("read ", from.native()));
  return {};
}

// Moves what is in `from` into `to`: files take the place of files, directories join, and have the
// times of the new ones.
Result<> merge(const Path& from, const Path& to) {
  std::error_code ec;
  for (const auto& entry : fs::directory_iterator(from, ec)) {
    const Path target = to / entry.path().filename();
    if (is_real_directory(entry.path()) && is_real_directory(target)) {
      struct stat status{};
      if (::lstat(entry.path().c_str(), &status) != 0) return Error::from_errno(errno, "stat");
      TRY(merge(entry.path(), target));
      const timespec times[2] = {status.st_atim, status.st_mtim};
      // Somebody else's directory: its time is theirs.
      ::utimensat(AT_FDCWD, target.c_str(), times, AT_SYMLINK_NOFOLLOW);
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
  // What is to be done with the files beside the place before they come into it.
  using Prepare = Result<> (*)(const Path& fresh, const Path& place);
  NewFiles(Path path, UniqueFd spool, Prepare prepare)
      : path_(std::move(path)), spool_(std::move(spool)), prepare_(prepare) {}
  Result<> write(std::string_view bytes) override {
    return FdSink(spool_.get()).write(bytes).context(cat("write ", path_.native()));
  }
  Result<> commit() override {
    if (::lseek(spool_.get(), 0, SEEK_SET) != 0) return Error::from_errno(errno, "read the files");
    const Uninterrupted writing;
    std::error_code ec;
    const bool is_new = !fs::exists(path_, ec);
    auto written = put_in_place();
    // There is nothing in it.
    if (!written && is_new) ::rmdir(path_.c_str());
    return written;
  }

 private:
  Result<> put_in_place() {
    FdSource spool(spool_.get());
    InterruptedSource tar(spool);
    TRY(make_directories(path_, 0755));
    // In the directory itself, which may be a mount.
    const TempDir fresh = TRY(TempDir::make(path_, ".skiff-"));
    const auto as_named = [](const std::string& name) { return name; };
    TRY_CONTEXT(unpack(tar, fresh.path(), {.place = as_named}), cat("write ", path_.native()));
    if (prepare_ != nullptr) TRY_CONTEXT(prepare_(fresh.path(), path_), path_.native());
    TRY(check_merge(fresh.path(), path_));
    return merge(fresh.path(), path_);
  }

  Path path_;
  UniqueFd spool_;
  Prepare prepare_;
};

Result<std::unique_ptr<Destination>> open_directory(const Path& path, NewFiles::Prepare prepare) {
  UniqueFd fd =
      TRY_CONTEXT(open_nameless(nearest_directory(path), 0600), cat("write ", path.native()));
  return std::make_unique<NewFiles>(path, std::move(fd), prepare);
}

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
  return open_directory(path, nullptr);
}

Result<std::unique_ptr<Destination>> to_layout(const Path& path) {
  return open_directory(path, join_indexes);
}

}  // namespace skiff::cli
