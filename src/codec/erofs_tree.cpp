#include "codec/erofs_tree.h"

#include <climits>
#include <limits>

#include "base/strings.h"
#include "codec/erofs_format.h"
#include "codec/erofs_xattrs.h"

namespace skiff {

namespace {

Result<> check_pieces(std::span<const ErofsPiece> pieces, uint64_t size) {
  constexpr uint64_t kMost = INT64_MAX;
  if (size > kMost) return invalid_argument("the file is too large");
  uint64_t end = 0;
  for (const ErofsPiece& piece : pieces) {
    if (piece.offset < end) return invalid_argument("pieces of a file overlap or are out of order");
    if (piece.offset > size || piece.size > size - piece.offset) {
      return invalid_argument("a piece lies beyond the end of its file");
    }
    if (piece.source_offset > kMost || piece.size > kMost - piece.source_offset) {
      return invalid_argument("a piece lies too far into its source");
    }
    end = piece.offset + piece.size;
  }
  return {};
}

// Without empty pieces, and those that continue one another as one.
std::vector<ErofsPiece> merged(std::span<const ErofsPiece> pieces) {
  std::vector<ErofsPiece> out;
  for (const ErofsPiece& piece : pieces) {
    if (piece.size == 0) continue;
    const bool continues = !out.empty() && out.back().offset + out.back().size == piece.offset &&
                           out.back().source_offset + out.back().size == piece.source_offset;
    if (continues) {
      out.back().size += piece.size;
    } else {
      out.push_back(piece);
    }
  }
  return out;
}

// What a map keeps of an entry beside its text.
constexpr uint64_t kMapNode = 96;

uint64_t memory_of(const std::vector<ErofsPiece>& pieces) {
  return sizeof pieces + pieces.size() * sizeof(ErofsPiece);
}

// As Linux packs a device number in 32 bits.
uint32_t encode_device(uint32_t dev_major, uint32_t dev_minor) {
  return (dev_minor & 0xffU) | dev_major << 8U | (dev_minor & ~0xffU) << 12U;
}

}  // namespace

ErofsTree::Id ErofsTree::make(mode_t type) {
  constexpr uint64_t kPlace = 32;  // of the layout
  inodes_.emplace_back().mode = static_cast<uint16_t>(type);
  memory_ += sizeof(Inode) + kPlace;
  return static_cast<Id>(inodes_.size() - 1);
}

void ErofsTree::set_basics(Id id, const ErofsAttributes& attributes) {
  Inode& inode = inodes_[id];
  inode.mode = static_cast<uint16_t>((inode.mode & S_IFMT) | (attributes.mode & 07777U));
  inode.uid = attributes.uid;
  inode.gid = attributes.gid;
  inode.mtime = attributes.mtime;
}

void ErofsTree::change_xattrs(Inode& inode, std::string encoded) {
  release_xattrs(inode);
  if (encoded.empty()) return;
  const auto [kept, is_new] = xattrs_.try_emplace(std::move(encoded), 0);
  if (is_new) memory_ += kMapNode + kept->first.size();
  ++kept->second;
  inode.xattrs_ = &*kept;
}

void ErofsTree::release_xattrs(Inode& inode) {
  if (inode.xattrs_ == nullptr) return;
  const auto kept = xattrs_.find(std::exchange(inode.xattrs_, nullptr)->first);
  if (--kept->second > 0) return;
  memory_ -= kMapNode + kept->first.size();
  xattrs_.erase(kept);
}

Result<ErofsTree::Id> ErofsTree::add(mode_t type, const ErofsAttributes& attributes) {
  if (inodes_.size() >= std::numeric_limits<Id>::max() - 1)
    return invalid_argument("too many files");
  const Id id = make(type);
  TRY(set_attributes(id, attributes));
  return id;
}

Result<> ErofsTree::set_attributes(Id id, const ErofsAttributes& attributes) {
  std::string encoded;
  for (const auto& [name, value] : attributes.xattrs) {
    TRY(erofs::append_xattr(encoded, name, value));
  }
  set_basics(id, attributes);
  change_xattrs(inodes_[id], std::move(encoded));
  return {};
}

Result<> ErofsTree::add_xattr(Id id, std::string_view name, std::string_view value) {
  std::string encoded(xattrs(inodes_[id]));
  TRY(erofs::append_xattr(encoded, name, value));
  change_xattrs(inodes_[id], std::move(encoded));
  return {};
}

Result<ErofsTree::Id> ErofsTree::add_directory(const ErofsAttributes& attributes) {
  return add(S_IFDIR, attributes);
}

Result<ErofsTree::Id> ErofsTree::add_file(const ErofsAttributes& attributes, uint64_t size,
                                          std::span<const ErofsPiece> pieces) {
  TRY(check_pieces(pieces, size));
  const Id id = TRY(add(S_IFREG, attributes));
  Inode& inode = inodes_[id];
  inode.size = size;
  if (size == 0) return id;
  std::vector<ErofsPiece> kept = merged(pieces);
  const bool contiguous = kept.size() == 1 && kept.front().size == size &&
                          kept.front().source_offset % erofs::kErofsBlock == 0;
  if (contiguous) {
    inode.data_ = kept.front().source_offset;
  } else {
    inode.sparse = true;
    inode.data_ = pieces_.size();
    memory_ += memory_of(kept);
    pieces_.push_back(std::move(kept));
  }
  return id;
}

void ErofsTree::keep_contents(Id file, std::string_view contents) {
  Inode& inode = inodes_[file];
  const bool has_room = contents_.size() < Inode::kNoContents - contents.size();
  if (inode.sparse || contents.size() != inode.size || !has_room) return;
  inode.contents_ = static_cast<uint32_t>(contents_.size());
  contents_.append(contents);
  memory_ += contents.size();
}

Result<ErofsTree::Id> ErofsTree::add_symlink(const ErofsAttributes& attributes,
                                             std::string_view target) {
  if (target.empty()) return invalid_argument("a symlink without a target");
  if (target.size() >= PATH_MAX) return invalid_argument("a symlink's target is too long");
  if (target.find('\0') != std::string_view::npos)
    return invalid_argument("a symlink's target holds a NUL byte");
  const Id id = TRY(add(S_IFLNK, attributes));
  inodes_[id].size = target.size();
  inodes_[id].data_ = targets_.size();
  targets_.append(target);
  memory_ += target.size();
  return id;
}

Result<ErofsTree::Id> ErofsTree::add_special(const ErofsAttributes& attributes, mode_t type,
                                             uint32_t dev_major, uint32_t dev_minor) {
  if (dev_major > 0xfff || dev_minor > 0xfffff) {
    return invalid_argument(cat("device number ", dev_major, ":", dev_minor, " is too large"));
  }
  const Id id = TRY(add(type, attributes));
  inodes_[id].data_ = encode_device(dev_major, dev_minor);
  return id;
}

Result<> ErofsTree::link(Id directory, std::string_view name, Id inode) {
  if (name.empty() || name == "." || name == ".." || name.find_first_of({"/\0", 2}) != name.npos) {
    return invalid_argument(cat(quoted(name), " is no name of a file"));
  }
  if (name.size() > erofs::kMaxName)
    return invalid_argument(cat(quoted(name), " is too long a name"));
  if (!names_.try_emplace(Key{directory, std::string(name)}, inode).second) {
    return invalid_argument(cat(quoted(name), " is taken"));
  }
  memory_ += kMapNode + name.size();
  ++inodes_[inode].names_;
  if (is_directory(inode)) inodes_[inode].data_ = directory;
  return {};
}

void ErofsTree::unlink(Id directory, std::string_view name) {
  const auto found = names_.find(KeyView{directory, name});
  if (found == names_.end()) return;
  std::vector<Id> losers = {found->second};
  erase_name(found);
  while (!losers.empty()) {
    const Id id = losers.back();
    losers.pop_back();
    if (--inodes_[id].names_ > 0) continue;
    drop(inodes_[id]);
    for (auto beneath = names_.lower_bound(KeyView{id, {}});
         beneath != names_.end() && beneath->first.directory == id;) {
      losers.push_back(beneath->second);
      beneath = erase_name(beneath);
    }
  }
}

ErofsTree::Names::iterator ErofsTree::erase_name(Names::iterator name) {
  memory_ -= kMapNode + name->first.name.size();
  return names_.erase(name);
}

// What it holds. The inode itself stays, so that no other gets its number, and a symlink's target
// or a file's kept contents.
void ErofsTree::drop(Inode& inode) {
  release_xattrs(inode);
  if (!inode.sparse) return;
  memory_ -= memory_of(pieces_[inode.data_]) - sizeof pieces_[inode.data_];
  pieces_[inode.data_] = {};
}

std::optional<ErofsTree::Id> ErofsTree::find(Id directory, std::string_view name) const {
  auto found = names_.find(KeyView{directory, name});
  if (found == names_.end()) return std::nullopt;
  return found->second;
}

}  // namespace skiff
