#include "snapshot/layer_tree.h"

#include <sys/stat.h>

#include <cerrno>
#include <climits>
#include <cstring>

#include "base/strings.h"
#include "snapshot/layer_xattrs.h"
#include "snapshot/overlay_format.h"
#include "snapshot/symlink_walk.h"

namespace skiff::snapshot {

namespace {

using Id = ErofsTree::Id;

// Shares a block with its inode and a few extended attributes.
constexpr uint64_t kSmallFile = 400;
// Some 50,000 files of the common size; what comes behind them is read from the archive.
constexpr uint64_t kMostContents = uint64_t{16} << 20U;

// As a system call that failed would be told.
Error failed_call(std::string_view what, int err) {
  return invalid_argument(cat(what, ": ", std::strerror(err)));
}

mode_t type_of(TarType type) {
  switch (type) {
    case TarType::kDirectory:
      return S_IFDIR;
    case TarType::kSymlink:
      return S_IFLNK;
    case TarType::kCharDevice:
      return S_IFCHR;
    case TarType::kBlockDevice:
      return S_IFBLK;
    case TarType::kFifo:
      return S_IFIFO;
    default:
      return S_IFREG;
  }
}

Result<ErofsAttributes> attributes_of(const TarEntry& entry) {
  const auto [uid, gid] = TRY(layer_owner(entry));
  ErofsAttributes attributes{
      .mode = entry.mode & 07777U, .uid = uid, .gid = gid, .mtime = entry.mtime};
  // Linux knows no other mode of a symlink.
  if (entry.type == TarType::kSymlink) attributes.mode = 0777;
  if (!entry.xattrs.empty())
    attributes.xattrs = TRY(index_xattrs(entry.xattrs, type_of(entry.type)));
  return attributes;
}

}  // namespace

LayerTree::LayerTree(const LayerTreeOptions& options)
    : options_(options), tree_({.mode = 0755, .mtime = options.implied_mtime}) {
  implied_.emplace(ErofsTree::kRoot, "");
}

Result<> LayerTree::add(const TarEntry& entry, std::span<const TarPiece> pieces) {
  small_file_.reset();
  TRY(apply(entry, pieces));
  if (memory() <= options_.memory) return {};
  return Error(
      Code::kResourceExhausted,
      cat("the names and attributes of the layer take more than ", options_.memory >> 20U, " MiB"));
}

Result<> LayerTree::apply(const TarEntry& entry, std::span<const TarPiece> pieces) {
  const LayerName name = TRY(parse_layer_name(entry.name));
  if (name.kind == LayerName::Kind::kIgnored) return {};
  if (name.kind == LayerName::Kind::kOpaque) return opaque(name.parent);
  if (name.kind == LayerName::Kind::kWhiteout) return whiteout(name, entry.mtime);
  if (name.base.empty()) return root(entry);
  const Id parent = TRY(directory_at(name.parent, true));
  const bool is_directory = entry.type == TarType::kDirectory;
  if (name.base.size() > NAME_MAX)
    return failed_call(is_directory ? "mkdir" : "create", ENAMETOOLONG);
  if (is_directory) return directory(parent, name, entry);
  if (entry.type == TarType::kHardLink) return hard_link(parent, name, entry);
  if (entry.type == TarType::kFile) return put(parent, name.base, TRY(make_file(entry, pieces)));
  return put(parent, name.base, TRY(make_special(entry)));
}

bool LayerTree::is_whiteout(Id id) const {
  const ErofsTree::Inode& inode = tree_.inode(id);
  return S_ISCHR(inode.mode) && inode.device() == 0;
}

// The directory `path`; with `make` created where the archive only implied it.
Result<Id> LayerTree::directory_at(const std::string& path, bool make) {
  if (path.empty()) return ErofsTree::kRoot;
  if (path == last_path_) return last_directory_;
  Id at = ErofsTree::kRoot;
  std::string here;  // the path of that, through no symlink
  for (size_t start = 0; start <= path.size();) {
    const size_t end = std::min(path.find('/', start), path.size());
    const std::string name = path.substr(start, end - start);
    start = end + 1;
    const std::optional<Id> found = tree_.find(at, name);
    if (found && S_ISLNK(tree_.inode(*found).mode)) {
      at = TRY(through_symlink(at, here, *found, path.substr(0, end)));
      continue;
    }
    LayerName next{.parent = std::move(here), .base = name};
    here = next.path();
    if (found && tree_.is_directory(*found)) {
      at = *found;
    } else if (make && (!found || is_whiteout(*found))) {
      at = TRY(make_implied(at, here, name, found.has_value()));
    } else {
      return failed_call(quoted(path.substr(0, end)), found ? ENOTDIR : ENOENT);
    }
  }
  last_path_ = path;
  last_directory_ = at;
  return at;
}

Result<Id> LayerTree::make_implied(Id parent, const std::string& path, const std::string& name,
                                   bool was_deleted) {
  if (name.size() > NAME_MAX) return failed_call(cat("mkdir ", path), ENAMETOOLONG);
  const Id id = TRY(tree_.add_directory({.mode = 0755, .mtime = options_.implied_mtime}));
  if (was_deleted) {
    tree_.unlink(parent, name);
    opaque_.insert(id);
  } else {
    implied_.emplace(id, path);
    path_memory_ += path.size();
  }
  TRY(tree_.link(parent, name, id));
  return id;
}

// From `here` on, which is moved along.
Result<Id> LayerTree::through_symlink(Id at, std::string& here, Id symlink,
                                      const std::string& path) {
  SymlinkEnd end = follow_symlink(tree_, at, here, symlink);
  here = std::move(end.path);
  if (end.error == 0) return end.directory;
  if (end.error == EXDEV)
    return invalid_argument(cat(quoted(path), " is a symlink that leaves the layer"));
  return failed_call(cat(quoted(path), " is a symlink to no directory"), end.error);
}

// A whiteout deletes what lies below, never what this layer holds itself.
Result<> LayerTree::whiteout(const LayerName& name, TimePoint mtime) {
  if (options_.is_lowest) return {};
  const Id parent = TRY(directory_at(name.parent, true));
  if (name.base.size() > NAME_MAX) return failed_call("make whiteout", ENAMETOOLONG);
  const std::optional<Id> found = tree_.find(parent, name.base);
  if (!found) {
    return tree_.link(parent, name.base, TRY(tree_.add_special({.mtime = mtime}, S_IFCHR)));
  }
  if (tree_.is_directory(*found)) opaque_.insert(*found);
  return {};
}

Result<> LayerTree::opaque(const std::string& path) {
  if (options_.is_lowest) return {};
  if (path.empty()) root_is_opaque_ = true;
  opaque_.insert(TRY(directory_at(path, true)));
  return {};
}

Result<> LayerTree::root(const TarEntry& entry) {
  if (entry.type != TarType::kDirectory) return invalid_argument("the root must be a directory");
  TRY(tree_.set_attributes(ErofsTree::kRoot, TRY(attributes_of(entry))));
  implied_.erase(ErofsTree::kRoot);
  return {};
}

Result<> LayerTree::directory(Id parent, const LayerName& name, const TarEntry& entry) {
  const ErofsAttributes attributes = TRY(attributes_of(entry));
  const std::optional<Id> found = tree_.find(parent, name.base);
  if (found && tree_.is_directory(*found)) {
    implied_.erase(*found);
    return tree_.set_attributes(*found, attributes);
  }
  const Id id = TRY(tree_.add_directory(attributes));
  if (found && is_whiteout(*found)) opaque_.insert(id);
  return put(parent, name.base, id);
}

Result<Id> LayerTree::make_file(const TarEntry& entry, std::span<const TarPiece> pieces) {
  const ErofsAttributes attributes = TRY(attributes_of(entry));
  std::vector<ErofsPiece> where;
  where.reserve(pieces.size());
  for (const TarPiece& piece : pieces) {
    where.push_back({piece.offset, piece.size, piece.archive_offset});
  }
  const Id file = TRY(tree_.add_file(attributes, entry.size, where));
  const bool is_small = entry.size > 0 && entry.size <= kSmallFile && !entry.is_sparse;
  // No layer is too large for what its index could do without.
  const bool has_room = contents_ + entry.size <= kMostContents && memory() < options_.memory / 2;
  if (is_small && has_room) small_file_ = file;
  return file;
}

void LayerTree::keep_contents(std::string_view contents) {
  tree_.keep_contents(*small_file_, contents);
  contents_ += contents.size();
}

Result<Id> LayerTree::make_special(const TarEntry& entry) {
  const ErofsAttributes attributes = TRY(attributes_of(entry));
  if (entry.type == TarType::kSymlink) {
    if (entry.link_target.size() >= PATH_MAX) return failed_call("create", ENAMETOOLONG);
    return tree_.add_symlink(attributes, entry.link_target);
  }
  if (entry.type == TarType::kFifo) return tree_.add_special(attributes, S_IFIFO);
  const bool is_zero = entry.dev_major == 0 && entry.dev_minor == 0;
  if (entry.type == TarType::kCharDevice && is_zero) {
    // Overlayfs would take it for a deletion.
    return invalid_argument("a character device 0:0 cannot be part of a layer");
  }
  if (entry.dev_major > 0xfff || entry.dev_minor > 0xfffff) return failed_call("create", EINVAL);
  return tree_.add_special(attributes, type_of(entry.type), entry.dev_major, entry.dev_minor);
}

Result<> LayerTree::hard_link(Id parent, const LayerName& name, const TarEntry& entry) {
  const LayerName target = TRY_CONTEXT(parse_link_target(entry.link_target),
                                       cat("hard link to ", quoted(entry.link_target)));
  if (target.base.empty()) return invalid_argument("hard link to the root");
  if (target.path() == name.path()) return {};
  const Result<Target> found = find_target(target);
  if (!found) return link_later(parent, name, entry);
  // What it takes the place of may be its target, or hold it.
  const std::optional<Id> old = tree_.find(parent, name.base);
  const bool is_itself = found->directory == parent && target.base == name.base;
  if (is_itself || (old && is_within(found->directory, *old))) {
    return no_target(entry.link_target, failed_call("create", ENOENT));
  }
  return link_to(parent, name.base, *found, entry.link_target);
}

Result<> LayerTree::link_later(Id parent, const LayerName& name, const TarEntry& entry) {
  remove(parent, name.base);
  path_memory_ += name.base.size() + entry.name.size() + entry.link_target.size();
  late_links_.insert_or_assign({parent, name.base},
                               LateLink{late_count_++, entry.name, entry.link_target});
  return {};
}

Result<> LayerTree::add_late_links() {
  return make_late_links(late_links_, [&](const auto& place, const LateLink& link) -> Result<> {
    const auto& [parent, name] = place;
    if (!is_part(parent)) return {};
    const std::optional<Id> later = tree_.find(parent, name);
    if (later && !is_whiteout(*later)) return {};
    const Result<Target> found = find_target(TRY(parse_link_target(link.target)));
    if (!found) return no_target(link.target, found.error());
    return link_to(parent, name, *found, link.target);
  });
}

// Of a hard link: what the layer holds by now, and no deletion.
Result<LayerTree::Target> LayerTree::find_target(const LayerName& name) {
  const Id directory = TRY(directory_at(name.parent, false));
  const std::optional<Id> found = tree_.find(directory, name.base);
  if (!found || is_whiteout(*found)) return failed_call("create", ENOENT);
  return Target{.directory = directory, .inode = *found};
}

Result<> LayerTree::link_to(Id parent, const std::string& name, const Target& target,
                            const std::string& text) {
  if (tree_.is_directory(target.inode)) return no_target(text, failed_call("create", EPERM));
  return put(parent, name, target.inode);
}

// Whether `directory` is `above` or beneath it.
bool LayerTree::is_within(Id directory, Id above) const {
  while (directory != above && directory != ErofsTree::kRoot) {
    directory = tree_.inode(directory).parent();
  }
  return directory == above;
}

// In the place of whatever has the name.
Result<> LayerTree::put(Id parent, const std::string& name, Id inode) {
  remove(parent, name);
  return tree_.link(parent, name, inode);
}

void LayerTree::remove(Id parent, const std::string& name) {
  const std::optional<Id> found = tree_.find(parent, name);
  if (!found) return;
  const mode_t type = tree_.inode(*found).mode;
  if (S_ISDIR(type) || S_ISLNK(type)) last_path_.clear();
  tree_.unlink(parent, name);
}

Result<> LayerTree::finish(const LowerDirectory& lower) {
  for (const auto& [id, path] : implied_) {
    if (!lower) break;
    if (!is_part(id)) continue;
    const auto below = TRY_CONTEXT(lower(path), cat("directory ", quoted(path)));
    if (below) TRY_CONTEXT(tree_.set_attributes(id, *below), cat("directory ", quoted(path)));
  }
  for (const Id id : opaque_) {
    if (is_part(id)) TRY(tree_.add_xattr(id, opaque_xattr(), "y"));
  }
  return {};
}

}  // namespace skiff::snapshot
