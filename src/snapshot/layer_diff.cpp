#include "snapshot/layer_diff.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <map>

#include "base/file.h"
#include "base/strings.h"
#include "codec/tar.h"
#include "snapshot/file_attributes.h"
#include "snapshot/lower_dir.h"
#include "snapshot/overlay_format.h"
#include "sys/file_capability.h"

namespace skiff::snapshot {

namespace {

Result<std::vector<std::string>> sorted_names(int directory) {
  std::vector<std::string> names = TRY(list_directory(directory));
  std::ranges::sort(names);
  return names;
}

Result<struct stat> stat_entry(int directory, const std::string& name) {
  struct stat st{};
  if (::fstatat(directory, name.c_str(), &st, AT_SYMLINK_NOFOLLOW) == 0) return st;
  return Error::from_errno(errno, cat("stat ", name));
}

Result<UniqueFd> open_entry(int directory, const std::string& name, int flags) {
  UniqueFd fd(::openat(directory, name.c_str(), flags | O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
  if (!fd) return Error::from_errno(errno, cat("open ", name));
  return fd;
}

// What is nested deeper than a path can say could not be unpacked, and would cost a descriptor
// and some stack for each level.
Result<> check_length(const std::string& path) {
  if (path.size() < PATH_MAX) return {};
  return Error(Code::kResourceExhausted, cat("its path is longer than ", PATH_MAX - 1, " bytes"));
}

class LayerWriter {
 public:
  explicit LayerWriter(Sink& to, const LentContents* lent = nullptr) : tar_(to), lent_(lent) {}

  Result<> directory(int upper, const LowerDir& lower, const std::string& prefix);
  // The directory's own entry.
  Result<> root(int directory);
  Result<> finish() { return tar_.finish(); }

 private:
  Result<> entry(int upper, const LowerDir& lower, const std::string& prefix,
                 const std::string& name);
  Result<TarEntry> describe(int upper, const std::string& path, const std::string& name,
                            const struct stat& st);
  Result<> body(int upper, const std::string& name, const TarEntry& entry);
  Result<> lent_body(const LentContents::Content& content, const TarEntry& entry);
  Result<> subdirectory(int upper, const LowerDir& lower, const std::string& path,
                        const std::string& name, const struct stat& st);
  // An empty file that stands for a deletion.
  Result<> marker(const std::string& name, const struct stat& st);

  TarWriter tar_;
  const LentContents* lent_;
  std::map<std::pair<dev_t, ino_t>, std::string> linked_;  // first name of what has several
};

Result<> LayerWriter::root(int directory) {
  const struct stat st = TRY(stat_entry(directory, "."));
  return tar_.add(TRY(describe(directory, ".", ".", st)));
}

Result<> LayerWriter::directory(int upper, const LowerDir& lower, const std::string& prefix) {
  std::vector<std::string> names = TRY(sorted_names(upper));
  for (const std::string& name : names) {
    TRY_CONTEXT(entry(upper, lower, prefix, name), name);
  }
  return {};
}

Result<> LayerWriter::entry(int upper, const LowerDir& lower, const std::string& prefix,
                            const std::string& name) {
  TRY(check_length(prefix));
  struct stat st = TRY(stat_entry(upper, name));
  if (S_ISSOCK(st.st_mode)) return {};
  if (is_whiteout(st)) {
    bool hides = TRY(lower.find(name)).has_value();
    return hides ? marker(cat(prefix, kWhiteoutPrefix, name), st) : Result<>();
  }
  std::string path = prefix + name;
  TarEntry described = TRY(describe(upper, path, name, st));
  if (described.type == TarType::kFile) {
    const auto* lent = lent_ ? lent_->find(described.xattrs) : nullptr;
    return lent ? lent_body(*lent, described) : body(upper, name, described);
  }
  TRY(tar_.add(described));
  if (described.type == TarType::kDirectory) return subdirectory(upper, lower, path, name, st);
  return {};
}

Result<TarEntry> LayerWriter::describe(int upper, const std::string& path, const std::string& name,
                                       const struct stat& st) {
  TarEntry entry;
  entry.name = S_ISDIR(st.st_mode) ? cat(path, "/") : path;
  entry.type = tar_type_of(st.st_mode).value_or(TarType::kFile);
  entry.mode = st.st_mode & 07777;
  entry.uid = st.st_uid;
  entry.gid = st.st_gid;
  entry.mtime = time_of(st.st_mtim);
  if (!S_ISDIR(st.st_mode) && st.st_nlink > 1) {
    auto [first, added] = linked_.try_emplace({st.st_dev, st.st_ino}, path);
    if (!added) {
      entry.type = TarType::kHardLink;
      entry.link_target = first->second;
      return entry;
    }
  }
  if (S_ISREG(st.st_mode)) entry.size = static_cast<uint64_t>(st.st_size);
  if (S_ISLNK(st.st_mode)) entry.link_target = TRY(read_link_at(upper, name));
  if (S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode)) {
    entry.dev_major = major(st.st_rdev);
    entry.dev_minor = minor(st.st_rdev);
  }
  entry.xattrs = TRY(read_xattrs(upper, name));
  // What a user namespace's root gave: the layer's root is that of any container.
  const auto capability = entry.xattrs.find(sys::kFileCapability);
  if (capability != entry.xattrs.end()) sys::unbind_file_capability(capability->second);
  return entry;
}

Result<> LayerWriter::body(int upper, const std::string& name, const TarEntry& entry) {
  UniqueFd fd = TRY(open_entry(upper, name, O_NOATIME));
  FdSource file(fd.get());
  LimitedSource limited(file, entry.size);  // it may grow meanwhile
  return tar_.add_file(entry, limited);
}

Result<> LayerWriter::lent_body(const LentContents::Content& content, const TarEntry& entry) {
  if (::lseek(content.file.get(), 0, SEEK_SET) != 0) return Error::from_errno(errno, "rewind");
  FdSource file(content.file.get());
  LimitedSource limited(file, entry.size);
  TRY(tar_.add_file(entry, limited));
  return content.check ? content.check() : Result<>();
}

Result<> LayerWriter::subdirectory(int upper, const LowerDir& lower, const std::string& path,
                                   const std::string& name, const struct stat& st) {
  UniqueFd fd = TRY(open_entry(upper, name, O_DIRECTORY));
  std::string prefix = cat(path, "/");
  if (!is_opaque(fd.get())) return directory(fd.get(), TRY(lower.descend(name)), prefix);
  // Overlayfs marks every new directory: it matters only above another one.
  std::optional<struct stat> hidden = TRY(lower.find(name));
  if (hidden && S_ISDIR(hidden->st_mode)) TRY(marker(cat(prefix, kOpaqueMarker), st));
  return directory(fd.get(), LowerDir(), prefix);
}

Result<> LayerWriter::marker(const std::string& name, const struct stat& st) {
  TarEntry entry;
  entry.name = name;
  entry.mode = 0;
  entry.mtime = time_of(st.st_mtim);
  return tar_.add(entry);
}

bool same_attributes(const struct stat& a, const struct stat& b) {
  return a.st_mode == b.st_mode && a.st_uid == b.st_uid && a.st_gid == b.st_gid &&
         time_of(a.st_mtim) == time_of(b.st_mtim);
}

// Whether a directory's lower names show through where the upper does not hold them.
enum class Below { kShown, kHidden };

class ChangeLister {
 public:
  Result<> directory(int upper, const LowerDir& lower, Below below, const std::string& prefix);
  std::vector<Change> take() { return std::move(changes_); }

 private:
  Result<> entry(int upper, const LowerDir& lower, Below below, const std::string& prefix,
                 const std::string& name);
  std::vector<Change> changes_;
};

Result<> ChangeLister::directory(int upper, const LowerDir& lower, Below below,
                                 const std::string& prefix) {
  std::vector<std::string> held = TRY(list_directory(upper));
  std::set<std::string> names(held.begin(), held.end());
  std::set<std::string> gone;
  if (below == Below::kHidden) {
    gone = TRY(lower.names());
    for (const std::string& name : held) gone.erase(name);
    names.insert(gone.begin(), gone.end());
  }
  for (const std::string& name : names) {
    if (gone.contains(name)) {
      changes_.push_back({prefix + name, ChangeKind::kDeleted});
    } else {
      TRY_CONTEXT(entry(upper, lower, below, prefix, name), name);
    }
  }
  return {};
}

Result<> ChangeLister::entry(int upper, const LowerDir& lower, Below below,
                             const std::string& prefix, const std::string& name) {
  TRY(check_length(prefix));
  struct stat st = TRY(stat_entry(upper, name));
  std::optional<struct stat> before = TRY(lower.find(name));
  std::string path = prefix + name;
  if (is_whiteout(st)) {
    if (before) changes_.push_back({path, ChangeKind::kDeleted});
    return {};
  }
  changes_.push_back({path, before ? ChangeKind::kModified : ChangeKind::kAdded});
  if (!S_ISDIR(st.st_mode)) return {};
  size_t mine = changes_.size();
  UniqueFd fd = TRY(open_entry(upper, name, O_DIRECTORY));
  if (is_opaque(fd.get())) below = Below::kHidden;
  TRY(directory(fd.get(), TRY(lower.descend(name)), below, cat(path, "/")));
  bool only_copied = before && changes_.size() == mine && same_attributes(st, *before);
  if (only_copied) changes_.pop_back();
  return {};
}

}  // namespace

Result<> write_layer(const Path& upper, const std::vector<Path>& lowers, Sink& tar,
                     const LentContents* lent) {
  UniqueFd root = TRY(open_file(upper, O_RDONLY | O_DIRECTORY));
  LayerWriter writer(tar, lent);
  TRY(writer.directory(root.get(), TRY(LowerDir::open(lowers)), ""));
  return writer.finish();
}

Result<> write_tree(const Path& root, Sink& tar) {
  const UniqueFd fd = TRY(open_file(root, O_RDONLY | O_DIRECTORY));
  LayerWriter writer(tar);
  TRY(writer.root(fd.get()));
  TRY(writer.directory(fd.get(), LowerDir(), ""));
  return writer.finish();
}

Result<std::vector<Change>> list_changes(const Path& upper, const std::vector<Path>& lowers) {
  UniqueFd root = TRY(open_file(upper, O_RDONLY | O_DIRECTORY));
  ChangeLister lister;
  TRY(lister.directory(root.get(), TRY(LowerDir::open(lowers)), Below::kShown, "/"));
  return lister.take();
}

}  // namespace skiff::snapshot
