#include "snapshot/layer_apply.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <map>
#include <optional>

#include "base/strings.h"
#include "codec/tar.h"
#include "snapshot/directory_cache.h"
#include "snapshot/entry_attributes.h"
#include "snapshot/file_attributes.h"
#include "snapshot/late_links.h"
#include "snapshot/layer_name.h"
#include "snapshot/lower_dir.h"
#include "snapshot/overlay_format.h"
#include "sys/namespaces.h"
#include "sys/root_dir.h"

namespace skiff::snapshot {

namespace {

constexpr size_t kBufferSize = size_t{128} << 10U;
constexpr int kOpenDirectory = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;

// A deletion is no file of the layer, whatever form it has on disk.
bool holds(int directory, const std::string& name) {
  struct stat st{};
  return ::fstatat(directory, name.c_str(), &st, AT_SYMLINK_NOFOLLOW) == 0 && !is_whiteout(st);
}

// Of a map by paths.
template <typename Map>
void erase_with_beneath(Map& map, const std::string& path) {
  map.erase(path);
  const std::string beneath = cat(path, "/");
  const auto first = map.lower_bound(beneath);
  map.erase(first, std::find_if(first, map.end(), [&](const auto& each) {
              return !each.first.starts_with(beneath);
            }));
}

class LayerApplier {
 public:
  LayerApplier(UniqueFd root, LowerDir lower, CancelToken cancel)
      : root_(std::make_shared<KnownDirectory>(KnownDirectory{std::move(root), ""})),
        lower_(std::move(lower)),
        cancel_(std::move(cancel)) {}

  Result<> add(const TarEntry& entry, Source& body);
  Result<> finish();

 private:
  Result<OpenDirectory> open_directory(const std::string& path, bool make);
  Result<KnownDirectory> open_through_symlink(const std::string& path);
  Result<std::string> path_of(int directory);
  Result<UniqueFd> make_implied(int parent, const std::string& path, const std::string& name);

  Result<> whiteout(const std::string& parent, const std::string& name);
  Result<> opaque(const std::string& directory);
  Result<> directory(int parent, const LayerName& path, const TarEntry& entry);
  Result<> file(int parent, const LayerName& path, const TarEntry& entry, Source& body);
  Result<> hard_link(int parent, const LayerName& path, const TarEntry& entry);
  Result<> add_late_links();
  Result<OpenDirectory> find_target(const LayerName& name);
  Result<> link_to(int parent, const LayerName& path, const OpenDirectory& directory,
                   const LayerName& target, const std::string& text);
  Result<> special(int parent, const LayerName& path, const TarEntry& entry);

  // Calls `make` (-1 with errno on failure); where the name is taken, removes what has it and
  // calls again.
  template <typename Make>
  Result<> replace(int parent, const LayerName& path, const Make& make);
  Result<> remove(int parent, const LayerName& path);
  Result<> hide_lower_root();

  OpenDirectory root_;
  LowerDir lower_;
  CancelToken cancel_;
  DirectoryCache open_;
  std::map<std::string, DirectoryAttributes> directories_;
  LateLinks<std::string> late_links_;
  size_t late_count_ = 0;
  bool root_is_opaque_ = false;
};

Result<> LayerApplier::add(const TarEntry& entry, Source& body) {
  LayerName path = TRY(parse_layer_name(entry.name));
  if (path.kind == LayerName::Kind::kIgnored) return {};
  if (path.kind == LayerName::Kind::kOpaque) return opaque(path.parent);
  if (path.kind == LayerName::Kind::kWhiteout) return whiteout(path.parent, path.base);
  if (path.base.empty()) {
    if (entry.type != TarType::kDirectory) return invalid_argument("the root must be a directory");
    return directory(root_->fd.get(), path, entry);
  }
  OpenDirectory opened = TRY(open_directory(path.parent, true));
  int parent = opened->fd.get();
  path.parent = opened->path;
  switch (entry.type) {
    case TarType::kDirectory:
      return directory(parent, path, entry);
    case TarType::kFile:
      return file(parent, path, entry, body);
    case TarType::kHardLink:
      return hard_link(parent, path, entry);
    default:
      return special(parent, path, entry);
  }
}

// The directory `path`; with `make` created where the archive only implied it.
Result<OpenDirectory> LayerApplier::open_directory(const std::string& path, bool make) {
  if (path.empty()) return root_;
  if (OpenDirectory cached = open_.find(path)) return cached;
  auto split_path = split_last(path, '/');
  std::string above(split_path ? split_path->first : "");
  std::string name(split_path ? split_path->second : path);
  OpenDirectory opened = TRY(open_directory(above, make));
  int parent = opened->fd.get();
  KnownDirectory found;
  found.path = LayerName{.parent = opened->path, .base = name}.path();
  found.fd.reset(::openat(parent, name.c_str(), kOpenDirectory));
  if (!found.fd) {
    int err = errno;
    struct stat st{};
    bool exists = ::fstatat(parent, name.c_str(), &st, AT_SYMLINK_NOFOLLOW) == 0;
    if (exists && S_ISLNK(st.st_mode)) {
      found = TRY(open_through_symlink(path));
    } else if (make && (!exists || is_whiteout(st))) {
      found.fd = TRY(make_implied(parent, found.path, name));
    } else {
      return invalid_argument(cat(skiff::quoted(path), ": ", std::strerror(err)));
    }
  }
  return open_.add(path, std::move(found));
}

Result<KnownDirectory> LayerApplier::open_through_symlink(const std::string& path) {
  UniqueFd fd = sys::open_beneath(root_->fd.get(), path, O_RDONLY | O_DIRECTORY);
  if (!fd && errno == EXDEV) {
    return invalid_argument(cat(skiff::quoted(path), " is a symlink that leaves the layer"));
  }
  if (!fd) {
    return invalid_argument(
        cat(skiff::quoted(path), " is a symlink to no directory: ", std::strerror(errno)));
  }
  KnownDirectory found;
  found.path = TRY(path_of(fd.get()));
  found.fd = std::move(fd);
  return found;
}

// Of an open directory, within the layer.
Result<std::string> LayerApplier::path_of(int directory) {
  const std::string root = TRY(read_link_at(AT_FDCWD, sys::fd_path(root_->fd.get())));
  const std::string path = TRY(read_link_at(AT_FDCWD, sys::fd_path(directory)));
  return path.size() > root.size() ? path.substr(root.size() + 1) : std::string();
}

Result<UniqueFd> LayerApplier::make_implied(int parent, const std::string& path,
                                            const std::string& name) {
  bool was_deleted = ::unlinkat(parent, name.c_str(), 0) == 0;
  if (::mkdirat(parent, name.c_str(), 0700) != 0)
    return Error::from_errno(errno, cat("mkdir ", path));
  UniqueFd fd(::openat(parent, name.c_str(), kOpenDirectory));
  if (!fd) return Error::from_errno(errno, cat("open ", path));
  DirectoryAttributes& attributes = directories_[path];
  LowerDir lower = was_deleted ? LowerDir() : TRY(lower_.descend_path(path));
  if (was_deleted && ::fsetxattr(fd.get(), opaque_xattr(), "y", 1, 0) != 0) {
    return Error::from_errno(errno, cat("make opaque ", path));
  }
  if (lower.empty()) return fd;
  struct stat st{};
  if (::fstat(lower.top(), &st) != 0) return Error::from_errno(errno, cat("stat ", path));
  attributes = {st.st_mode & 07777, st.st_uid, st.st_gid, st.st_mtim,
                TRY(read_xattrs(lower.top(), "."))};
  return fd;
}

// A whiteout deletes what lies below, never what this layer holds itself.
Result<> LayerApplier::whiteout(const std::string& parent_path, const std::string& name) {
  if (lower_.empty()) return {};
  OpenDirectory opened = TRY(open_directory(parent_path, true));
  int parent = opened->fd.get();
  if (::mknodat(parent, name.c_str(), S_IFCHR, 0) == 0) return {};
  if (errno != EEXIST) return Error::from_errno(errno, "make whiteout");
  struct stat st{};
  if (::fstatat(parent, name.c_str(), &st, AT_SYMLINK_NOFOLLOW) != 0) {
    return Error::from_errno(errno, "stat");
  }
  if (S_ISDIR(st.st_mode)) return opaque(LayerName{.parent = parent_path, .base = name}.path());
  return {};
}

Result<> LayerApplier::opaque(const std::string& directory) {
  if (lower_.empty()) return {};
  if (directory.empty()) {
    root_is_opaque_ = true;
    return {};
  }
  OpenDirectory opened = TRY(open_directory(directory, true));
  if (::fsetxattr(opened->fd.get(), opaque_xattr(), "y", 1, 0) != 0)
    return Error::from_errno(errno, "make opaque");
  return {};
}

Result<> LayerApplier::directory(int parent, const LayerName& path, const TarEntry& entry) {
  auto [uid, gid] = TRY(layer_owner(entry));
  std::string key = path.path();
  if (!path.base.empty() && ::mkdirat(parent, path.base.c_str(), 0700) != 0) {
    if (errno != EEXIST) return Error::from_errno(errno, "mkdir");
    struct stat st{};
    if (::fstatat(parent, path.base.c_str(), &st, AT_SYMLINK_NOFOLLOW) != 0) {
      return Error::from_errno(errno, "stat");
    }
    if (!S_ISDIR(st.st_mode)) {
      TRY(remove(parent, path));
      if (::mkdirat(parent, path.base.c_str(), 0700) != 0) return Error::from_errno(errno, "mkdir");
      if (is_whiteout(st)) TRY(opaque(key));
    }
  }
  directories_[key] = {entry.mode, uid, gid, timespec_of(entry.mtime), entry.xattrs};
  return {};
}

template <typename Make>
Result<> LayerApplier::replace(int parent, const LayerName& path, const Make& make) {
  if (make() >= 0) return {};
  if (errno == EEXIST) {
    TRY(remove(parent, path));
    if (make() >= 0) return {};
  }
  return Error::from_errno(errno, "create");
}

Result<> LayerApplier::remove(int parent, const LayerName& path) {
  open_.clear();
  erase_with_beneath(late_links_, path.path());
  if (::unlinkat(parent, path.base.c_str(), 0) == 0) return {};
  TRY(remove_tree(Path(sys::fd_path(parent)) / path.base));
  erase_with_beneath(directories_, path.path());
  return {};
}

Result<> LayerApplier::file(int parent, const LayerName& path, const TarEntry& entry,
                            Source& body) {
  TRY(layer_owner(entry));  // refused before anything is made
  UniqueFd fd;
  TRY(replace(parent, path, [&] {
    fd.reset(::openat(parent, path.base.c_str(),
                      O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
    return fd.get();
  }));
  TRY(copy_sparse(body, fd.get(), cancel_));
  return set_file_attributes(fd.get(), parent, path.base, entry);
}

Result<> LayerApplier::hard_link(int parent, const LayerName& path, const TarEntry& entry) {
  const LayerName target = TRY_CONTEXT(parse_link_target(entry.link_target),
                                       cat("hard link to ", skiff::quoted(entry.link_target)));
  if (target.base.empty()) return invalid_argument("hard link to the root");
  if (target.path() == TRY(parse_link_target(entry.name)).path()) return {};
  const Result<OpenDirectory> found = find_target(target);
  if (found) return link_to(parent, path, *found, target, entry.link_target);
  TRY(remove(parent, path));
  late_links_.insert_or_assign(path.path(), LateLink{late_count_++, entry.name, entry.link_target});
  return {};
}

Result<> LayerApplier::add_late_links() {
  // Making them forgets those of the same names.
  const auto links = std::exchange(late_links_, {});
  return make_late_links(links, [&](const std::string& place, const LateLink& link) -> Result<> {
    const LayerName path = TRY(parse_link_target(place));
    const OpenDirectory opened = TRY(open_directory(path.parent, false));
    if (holds(opened->fd.get(), path.base)) return {};
    const LayerName target = TRY(parse_link_target(link.target));
    const Result<OpenDirectory> found = find_target(target);
    if (!found) return no_target(link.target, found.error());
    return link_to(opened->fd.get(), path, *found, target, link.target);
  });
}

// The directory of a hard link's target, which the layer holds by now.
Result<OpenDirectory> LayerApplier::find_target(const LayerName& name) {
  OpenDirectory opened = TRY(open_directory(name.parent, false));
  if (!holds(opened->fd.get(), name.base)) return Error::from_errno(ENOENT, "create");
  return opened;
}

Result<> LayerApplier::link_to(int parent, const LayerName& path, const OpenDirectory& directory,
                               const LayerName& target, const std::string& text) {
  const Result<> made = replace(parent, path, [&] {
    return ::linkat(directory->fd.get(), target.base.c_str(), parent, path.base.c_str(), 0);
  });
  if (!made) return no_target(text, made.error());
  return {};
}

Result<> LayerApplier::special(int parent, const LayerName& path, const TarEntry& entry) {
  mode_t mode = entry.mode & 07777;
  dev_t device = ::makedev(entry.dev_major, entry.dev_minor);
  const char* name = path.base.c_str();
  // Overlayfs would take it for a deletion.
  if (entry.type == TarType::kCharDevice && device == 0) {
    return invalid_argument("a character device 0:0 cannot be part of a layer");
  }
  const bool is_device = entry.type != TarType::kSymlink && entry.type != TarType::kFifo;
  // Left out, as Docker does: nobody there could use it.
  if (is_device && sys::in_user_namespace()) return remove(parent, path);
  switch (entry.type) {
    case TarType::kSymlink:
      if (entry.link_target.empty()) return invalid_argument("a symlink without a target");
      TRY(replace(parent, path,
                  [&] { return ::symlinkat(entry.link_target.c_str(), parent, name); }));
      break;
    case TarType::kFifo:
      TRY(replace(parent, path, [&] { return ::mknodat(parent, name, S_IFIFO | mode, 0); }));
      break;
    case TarType::kBlockDevice:
      TRY(replace(parent, path, [&] { return ::mknodat(parent, name, S_IFBLK | mode, device); }));
      break;
    default:
      TRY(replace(parent, path, [&] { return ::mknodat(parent, name, S_IFCHR | mode, device); }));
  }
  return set_special_attributes(parent, path.base, entry);
}

// Overlayfs ignores the opaque attribute of a layer's root: each name below is hidden instead.
Result<> LayerApplier::hide_lower_root() {
  std::set<std::string> below = TRY(lower_.names());
  for (const std::string& name : below) TRY(whiteout("", name));
  return {};
}

// Directories last: everything made in them changed their times.
Result<> LayerApplier::finish() {
  TRY(add_late_links());
  if (root_is_opaque_) TRY(hide_lower_root());
  for (const auto& [path, attributes] : directories_) {
    OpenDirectory opened = TRY(open_directory(path, false));
    TRY_CONTEXT(set_directory_attributes(opened->fd.get(), attributes),
                cat("directory ", skiff::quoted(path)));
  }
  return {};
}

}  // namespace

Result<> apply_layer(const Path& directory, const std::vector<Path>& lowers, Source& tar,
                     const CancelToken& cancel) {
  UniqueFd root = TRY(open_file(directory, O_RDONLY | O_DIRECTORY));
  LayerApplier applier(std::move(root), TRY(LowerDir::open(lowers)), cancel);
  TarReader reader(tar);
  for (;;) {
    TRY(cancel.check());
    const TarEntry* entry = TRY(reader.next());
    if (entry == nullptr) break;
    TRY_CONTEXT(applier.add(*entry, reader.body()),
                cat("layer entry ", skiff::quoted(entry->name)));
  }
  TRY(applier.finish());
  // What follows the end mark is part of the stream whose digest somebody takes.
  std::string rest(kBufferSize, '\0');
  while (TRY(tar.read(rest)) > 0) TRY(cancel.check());
  return {};
}

}  // namespace skiff::snapshot
