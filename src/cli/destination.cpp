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

class NewFile : public Destination {
 public:
  NewFile(Path path, Path partial, UniqueFd fd)
      : path_(std::move(path)), partial_(std::move(partial)), fd_(std::move(fd)) {}
  NewFile(const NewFile&) = delete;
  NewFile& operator=(const NewFile&) = delete;
  ~NewFile() override {
    if (!partial_.empty()) ::unlink(partial_.c_str());
  }
  Result<> write(std::string_view bytes) override { return FdSink(fd_.get()).write(bytes); }
  Result<> commit() override {
    if (partial_.empty()) return {};
    if (::fsync(fd_.get()) != 0 || ::rename(partial_.c_str(), path_.c_str()) != 0) {
      return Error::from_errno(errno, cat("write ", path_.native()));
    }
    partial_.clear();
    return {};
  }

 private:
  Path path_;
  Path partial_;  // its name until then; empty for what is written in place
  UniqueFd fd_;
};

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
  NewFiles(Path path, UniqueFd spool, bool is_new)
      : path_(std::move(path)), spool_(std::move(spool)), remove_(is_new) {}
  NewFiles(const NewFiles&) = delete;
  NewFiles& operator=(const NewFiles&) = delete;
  ~NewFiles() override {
    if (remove_) ::rmdir(path_.c_str());  // as far as nothing came into it
  }
  Result<> write(std::string_view bytes) override { return FdSink(spool_.get()).write(bytes); }
  Result<> commit() override {
    if (::lseek(spool_.get(), 0, SEEK_SET) != 0) return Error::from_errno(errno, "read the files");
    FdSource tar(spool_.get());
    // In the directory itself, which may be a mount.
    const TempDir fresh = TRY(TempDir::make(path_, ".skiff-"));
    const auto as_named = [](const std::string& name) { return name; };
    TRY(unpack(tar, fresh.path(), {.place = as_named}));
    remove_ = false;
    return merge(fresh.path(), path_);
  }

 private:
  Path path_;
  UniqueFd spool_;
  bool remove_;  // the directory was made for this
};

}  // namespace

std::unique_ptr<Destination> to_standard_output() { return std::make_unique<StandardOutput>(); }

Result<std::unique_ptr<Destination>> to_file(const Path& path) {
  struct stat status{};
  if (::stat(path.c_str(), &status) == 0 && !S_ISREG(status.st_mode)) {
    return std::make_unique<NewFile>(path, Path(), TRY(open_file(path, O_WRONLY | O_CLOEXEC)));
  }
  const Path partial = cat(path.native(), ".skiff-", random_hex(kDigits));
  UniqueFd fd = TRY(open_file(partial, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
  return std::make_unique<NewFile>(path, partial, std::move(fd));
}

Result<std::unique_ptr<Destination>> to_directory(const Path& path) {
  std::error_code ec;
  const bool is_new = !fs::exists(path, ec);
  TRY(make_directories(path, 0755));
  const Path spool = path / cat(".skiff-", random_hex(kDigits));
  UniqueFd fd = TRY(open_file(spool, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  ::unlink(spool.c_str());
  return std::make_unique<NewFiles>(path, std::move(fd), is_new);
}

}  // namespace skiff::cli
