#include "cli/unpack.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/strings.h"
#include "codec/tar.h"

namespace skiff::cli {

namespace {

// The parts of a name; refuses those that would climb.
Result<std::vector<std::string>> parts_of(const std::string& name) {
  std::vector<std::string> out;
  for (auto& part : split(name, '/')) {
    if (part.empty() || part == ".") continue;
    if (part == "..") {
      return Error(Code::kInvalidArgument, cat("archive entry ", name, " leaves its directory"));
    }
    out.push_back(std::move(part));
  }
  return out;
}

class Unpacker {
 public:
  Unpacker(UniqueFd root, const UnpackOptions& options)
      : root_(std::move(root)), options_(options) {}

  Result<> add(const TarEntry& entry, Source& body) {
    auto parts = TRY(parts_of(options_.place(entry.name)));
    if (parts.empty()) return {};  // the directory itself, which is there
    std::string name = parts.back();
    parts.pop_back();
    UniqueFd parent = TRY(open_parent(parts));
    if (entry.type == TarType::kDirectory) {
      parts.push_back(name);
      directories_.push_back({std::move(parts), entry});
      return make_directory(parent.get(), name);
    }
    TRY(replace(parent.get(), name));
    TRY(make(parent.get(), name, entry, body));
    return set_attributes(parent.get(), name, entry);
  }

  // What comes into a directory changes its time, and may need a mode that it is not to have.
  Result<> finish() {
    for (auto it = directories_.rbegin(); it != directories_.rend(); ++it) {
      const std::string name = it->parts.back();
      it->parts.pop_back();
      const UniqueFd parent = TRY_CONTEXT(open_parent(it->parts), it->entry.name);
      TRY_CONTEXT(set_attributes(parent.get(), name, it->entry), it->entry.name);
    }
    return {};
  }

 private:
  static Error failed() { return Error::from_errno(errno, "unpack"); }

  // The directory that the parts lead to, made where it is missing.
  Result<UniqueFd> open_parent(const std::vector<std::string>& parts) const {
    UniqueFd at(::fcntl(root_.get(), F_DUPFD_CLOEXEC, 0));
    if (!at) return failed();
    for (const auto& part : parts) {
      constexpr mode_t kMode = 0755;
      if (::mkdirat(at.get(), part.c_str(), kMode) != 0 && errno != EEXIST) return failed();
      UniqueFd next(
          ::openat(at.get(), part.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
      if (!next) return failed();
      at = std::move(next);
    }
    return at;
  }

  // A link that stands in its place makes way: its target is not ours to change.
  static Result<> make_directory(int parent, const std::string& name) {
    if (::mkdirat(parent, name.c_str(), 0700) == 0) return {};
    struct stat status{};
    if (errno != EEXIST || ::fstatat(parent, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) {
      return failed();
    }
    if (S_ISDIR(status.st_mode)) return {};
    if (::unlinkat(parent, name.c_str(), 0) != 0) return failed();
    return ::mkdirat(parent, name.c_str(), 0700) == 0 ? Result<>() : Result<>(failed());
  }

  static Result<> replace(int parent, const std::string& name) {
    if (::unlinkat(parent, name.c_str(), 0) == 0 || errno == ENOENT) return {};
    if (errno == EISDIR) {
      return Error(Code::kFailedPrecondition,
                   cat("cannot overwrite directory ", skiff::quoted(name), " with non-directory"));
    }
    return failed();
  }

  Result<> make(int parent, const std::string& name, const TarEntry& entry, Source& body) const {
    int done = 0;
    switch (entry.type) {
      case TarType::kFile: {
        UniqueFd file(::openat(parent, name.c_str(),
                               O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
        if (!file) return failed();
        FdSink out(file.get());
        TRY(copy(body, out));
        return {};
      }
      case TarType::kSymlink:
        done = ::symlinkat(entry.link_target.c_str(), parent, name.c_str());
        break;
      case TarType::kHardLink:
        return link(parent, name, entry);
      case TarType::kFifo:
        done = ::mkfifoat(parent, name.c_str(), 0600);
        break;
      case TarType::kCharDevice:
      case TarType::kBlockDevice:
        done = ::mknodat(parent, name.c_str(),
                         (entry.type == TarType::kCharDevice ? S_IFCHR : S_IFBLK) | 0600U,
                         makedev(entry.dev_major, entry.dev_minor));
        break;
      case TarType::kDirectory:
        break;
    }
    return done == 0 ? Result<>() : Result<>(failed());
  }

  Result<> link(int parent, const std::string& name, const TarEntry& entry) const {
    auto parts = TRY(parts_of(options_.place(entry.link_target)));
    if (parts.empty()) return Error(Code::kInvalidArgument, "hard link to the archive's root");
    std::string target = parts.back();
    parts.pop_back();
    UniqueFd from = TRY(open_parent(parts));
    if (::linkat(from.get(), target.c_str(), parent, name.c_str(), 0) != 0) return failed();
    return {};
  }

  Result<> set_attributes(int parent, const std::string& name, const TarEntry& entry) const {
    if (entry.type == TarType::kHardLink) return {};
    if (options_.owners && ::fchownat(parent, name.c_str(), static_cast<uid_t>(entry.uid),
                                      static_cast<gid_t>(entry.gid), AT_SYMLINK_NOFOLLOW) != 0) {
      return failed();
    }
    if (entry.type != TarType::kSymlink && ::fchmodat(parent, name.c_str(), entry.mode, 0) != 0) {
      return failed();
    }
    constexpr int64_t kNanos = 1'000'000'000;
    int64_t nanos = unix_nanos(entry.mtime);
    timespec time{nanos / kNanos, nanos % kNanos};
    timespec times[2] = {time, time};
    if (::utimensat(parent, name.c_str(), times, AT_SYMLINK_NOFOLLOW) != 0) return failed();
    return {};
  }

  struct Directory {
    std::vector<std::string> parts;
    TarEntry entry;
  };

  UniqueFd root_;
  const UnpackOptions& options_;
  std::vector<Directory> directories_;
};

}  // namespace

Result<> unpack(Source& archive, const Path& directory, const UnpackOptions& options) {
  UniqueFd root = TRY(open_file(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  Unpacker unpacker(std::move(root), options);
  TarReader tar(archive);
  while (const TarEntry* entry = TRY(tar.next())) {
    TRY_CONTEXT(unpacker.add(*entry, tar.body()), entry->name);
  }
  return unpacker.finish();
}

}  // namespace skiff::cli
