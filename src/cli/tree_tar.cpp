#include "cli/tree_tar.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include <algorithm>
#include <cstring>
#include <memory>

#include "base/strings.h"

namespace skiff::cli {

namespace {

constexpr size_t kStep = size_t{64} * 1024;

TimePoint time_of(const timespec& t) {
  return TimePoint(std::chrono::seconds(t.tv_sec) + std::chrono::nanoseconds(t.tv_nsec));
}

Result<std::string> link_target(const Path& path) {
  std::error_code ec;
  Path target = std::filesystem::read_symlink(path, ec);
  if (ec) return Error::from_errno(ec.value(), cat("read link ", path.native()));
  return target.native();
}

// File capabilities are part of what a program is; other attributes are the machine's.
void add_capabilities(const Path& path, TarEntry& entry) {
  constexpr const char* kName = "security.capability";
  char value[256];
  ssize_t n = ::lgetxattr(path.c_str(), kName, value, sizeof value);
  if (n > 0) entry.xattrs[kName] = std::string(value, static_cast<size_t>(n));
}

}  // namespace

Result<> TreeTar::Buffer::write(std::string_view bytes) {
  text.append(bytes);
  return {};
}

TreeTar::TreeTar(Path root, TreeTarOptions options)
    : root_(std::move(root)), options_(std::move(options)) {}

Result<size_t> TreeTar::read(std::span<char> buffer) {
  while (given_ == buffer_.text.size()) {
    buffer_.text.clear();
    given_ = 0;
    if (finished_) return size_t{0};
    TRY(produce());
  }
  size_t n = std::min(buffer.size(), buffer_.text.size() - given_);
  std::memcpy(buffer.data(), buffer_.text.data() + given_, n);
  given_ += n;
  return n;
}

// Puts the next piece of the archive into the buffer.
Result<> TreeTar::produce() {
  if (file_) return produce_body();
  if (next_extra_ < options_.extra.size()) return produce_extra();
  if (!started_) {
    started_ = true;
    if (!root_.empty()) return options_.top.empty() ? open_level("") : visit("");
  }
  if (levels_.empty()) {
    finished_ = true;
    return writer_.finish();
  }
  Level& level = levels_.back();
  if (level.next == level.names.size()) {
    levels_.pop_back();
    return {};
  }
  const std::string& name = level.names[level.next++];
  return visit(level.path.empty() ? name : cat(level.path, "/", name));
}

Result<> TreeTar::produce_extra() {
  const ExtraFile& file = options_.extra[next_extra_++];
  TarEntry entry;
  entry.name = file.name;
  entry.size = file.text.size();
  TRY(writer_.add(entry));
  return writer_.write_body(file.text);
}

Result<> TreeTar::produce_body() {
  if (body_left_ == 0) {
    file_.reset();
    return {};
  }
  char piece[kStep];
  size_t wanted = std::min<uint64_t>(body_left_, sizeof piece);
  size_t n = TRY_CONTEXT(FdSource(file_.get()).read({piece, wanted}), file_name_);
  if (n == 0) {
    return Error(Code::kAborted, cat(file_name_, " became shorter while it was read"));
  }
  body_left_ -= n;
  return writer_.write_body({piece, n});
}

// Whether something that goes along stands below an excluded directory.
bool TreeTar::descends(const std::string& path) const {
  return options_.ignored.may_contain_exceptions(path) ||
         std::any_of(options_.always.begin(), options_.always.end(),
                     [&](const std::string& name) { return name.starts_with(path + "/"); });
}

Path TreeTar::full_path(const std::string& path) const {
  return path.empty() ? root_ : root_ / path;
}

std::string TreeTar::name_of(const std::string& path) const {
  if (options_.top.empty()) return path;
  return path.empty() ? options_.top : cat(options_.top, "/", path);
}

bool TreeTar::replaced(const std::string& path) const {
  return std::any_of(options_.extra.begin(), options_.extra.end(),
                     [&](const ExtraFile& file) { return file.name == path; });
}

Result<> TreeTar::visit(const std::string& path) {
  if (replaced(path)) return {};
  Path full = full_path(path);
  struct stat status{};
  if (::lstat(full.c_str(), &status) != 0) {
    if (errno == ENOENT) return {};  // gone since its directory was read
    return Error::from_errno(errno, cat("stat ", full.native()));
  }
  bool directory = S_ISDIR(status.st_mode);
  bool always =
      std::find(options_.always.begin(), options_.always.end(), path) != options_.always.end();
  bool excluded = !path.empty() && !always && options_.ignored.excluded(path);
  if (!excluded) TRY(add(path, status));
  return directory && (!excluded || descends(path)) ? open_level(path) : Result<>();
}

Result<> TreeTar::add(const std::string& path, const struct stat& status) {
  auto type = tar_type_of(status.st_mode);
  if (!type) return {};  // a socket is of its process only
  constexpr mode_t kPermissions = 07777;
  Path full = full_path(path);
  TarEntry entry;
  entry.name = cat(name_of(path), *type == TarType::kDirectory ? "/" : "");
  entry.type = *type;
  entry.mode = status.st_mode & kPermissions;
  if (options_.keep_owners) {
    entry.uid = status.st_uid;
    entry.gid = status.st_gid;
  }
  entry.mtime = time_of(status.st_mtim);
  if (*type == TarType::kSymlink) entry.link_target = TRY(link_target(full));
  if (*type == TarType::kCharDevice || *type == TarType::kBlockDevice) {
    entry.dev_major = major(status.st_rdev);
    entry.dev_minor = minor(status.st_rdev);
  }
  if (*type == TarType::kFile) {
    file_ = TRY(open_file(full, O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
    file_name_ = full.native();
    entry.size = body_left_ = static_cast<uint64_t>(status.st_size);
    add_capabilities(full, entry);
  }
  return writer_.add(entry);
}

Result<> TreeTar::open_level(const std::string& path) {
  Path full = full_path(path);
  std::unique_ptr<DIR, int (*)(DIR*)> directory(::opendir(full.c_str()), ::closedir);
  if (!directory) return Error::from_errno(errno, cat("open ", full.native()));
  Level level{path, {}, 0};
  while (const dirent* entry = ::readdir(directory.get())) {
    std::string_view name = entry->d_name;
    if (name != "." && name != "..") level.names.emplace_back(name);
  }
  std::sort(level.names.begin(), level.names.end());
  levels_.push_back(std::move(level));
  return {};
}

}  // namespace skiff::cli
