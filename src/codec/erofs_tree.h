// ErofsTree: a file tree in memory, small, to become an EROFS image (erofs_writer.h). File data
// are not in it: a file says where in a source (a layer's tar) its bytes lie.
//
//   ErofsTree tree({.mode = 0755, .mtime = now});
//   auto etc = TRY(tree.add_directory({.mode = 0755, .mtime = now}));
//   TRY(tree.link(ErofsTree::kRoot, "etc", etc));
//   auto host = TRY(tree.add_file({.mode = 0644, .mtime = now}, 5, {{{0, 5, 1536}}}));
//   TRY(tree.link(etc, "hostname", host));
//   TRY(tree.link(ErofsTree::kRoot, "again", host));  // a hard link
//
// An inode that was not given a name is not part of the image; one that has lost its last is gone,
// with what it held. About 150 bytes a file. Not thread-safe. Errors are kInvalidArgument.
#pragma once

#include <sys/stat.h>

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace skiff {

struct ErofsAttributes {
  uint32_t mode = 0;  // permission bits with setuid, setgid and sticky
  uint32_t uid = 0;
  uint32_t gid = 0;
  TimePoint mtime;
  // Full names, of those that is_erofs_xattr() knows.
  std::map<std::string, std::string> xattrs;
};

// Bytes [offset, offset + size) of a file lie at `source_offset`.
struct ErofsPiece {
  uint64_t offset = 0;
  uint64_t size = 0;
  uint64_t source_offset = 0;
};

class ErofsTree {
 private:
  // Each encoded set once, with the number of inodes that have it.
  using Xattrs = std::map<std::string, uint32_t>;
  using KeptXattrs = Xattrs::value_type;

 public:
  using Id = uint32_t;
  static constexpr Id kRoot = 0;

  // `root` without extended attributes; set_attributes() gives it some.
  explicit ErofsTree(const ErofsAttributes& root = {.mode = 0755}) {
    set_basics(make(S_IFDIR), root);
  }
  ErofsTree(ErofsTree&&) = default;
  ErofsTree& operator=(ErofsTree&&) = default;

  Result<Id> add_directory(const ErofsAttributes& attributes);
  // `pieces` in order, without overlap, within `size`; what they leave out is zero.
  Result<Id> add_file(const ErofsAttributes& attributes, uint64_t size,
                      std::span<const ErofsPiece> pieces);
  // What such a file holds, for an image that may hold it itself (ErofsOptions): kept in memory.
  // Nothing happens where its bytes do not lie together.
  void keep_contents(Id file, std::string_view contents);
  // A target of 1 to 4095 bytes without NUL.
  Result<Id> add_symlink(const ErofsAttributes& attributes, std::string_view target);
  // `type` is S_IFCHR, S_IFBLK (with a device of at most 4095:1048575), S_IFIFO or S_IFSOCK.
  Result<Id> add_special(const ErofsAttributes& attributes, mode_t type, uint32_t dev_major = 0,
                         uint32_t dev_minor = 0);
  // All of them anew.
  Result<> set_attributes(Id inode, const ErofsAttributes& attributes);
  // One more; the inode must not have it yet.
  Result<> add_xattr(Id inode, std::string_view name, std::string_view value);

  // Gives `inode` a name of 1 to 255 bytes, not yet taken, in `directory`. A directory gets one
  // name only, never one beneath itself.
  Result<> link(Id directory, std::string_view name, Id inode);
  // Takes a name away, and with it what is beneath; nothing happens if there is none. Inodes
  // without a name left must not be used any more.
  void unlink(Id directory, std::string_view name);
  std::optional<Id> find(Id directory, std::string_view name) const;

  // Of its memory, in bytes, about: what grows with what is added, and with the image's layout.
  uint64_t memory() const { return memory_; }

  class Inode {
   public:
    TimePoint mtime;
    uint64_t size = 0;  // of a file or a symlink's target
    uint32_t uid = 0;
    uint32_t gid = 0;
    uint16_t mode = 0;    // with the type
    bool sparse = false;  // needs a table of chunks

    uint64_t source_offset() const { return data_; }                  // of a contiguous file
    Id parent() const { return static_cast<Id>(data_); }              // of a directory
    uint32_t device() const { return static_cast<uint32_t>(data_); }  // of a device, as encoded
    bool has_name() const { return names_ > 0; }                      // the root has none
    bool has_contents() const { return contents_ != kNoContents; }    // they were kept

   private:
    friend class ErofsTree;
    static constexpr uint32_t kNoContents = UINT32_MAX;
    uint64_t data_ = 0;  // one of these; or a sparse file's pieces or a symlink's target: where
    const KeptXattrs* xattrs_ = nullptr;
    uint32_t names_ = 0;
    uint32_t contents_ = kNoContents;  // where they are kept
  };
  const Inode& inode(Id id) const { return inodes_[id]; }
  size_t inodes() const { return inodes_.size(); }
  bool is_directory(Id id) const { return S_ISDIR(inodes_[id].mode); }
  std::string_view target(const Inode& symlink) const {
    return std::string_view(targets_).substr(symlink.data_, symlink.size);
  }
  std::string_view contents(const Inode& file) const {
    return std::string_view(contents_).substr(file.contents_, file.size);
  }
  std::span<const ErofsPiece> pieces(const Inode& sparse) const { return pieces_[sparse.data_]; }
  // In the form they have on disk; empty for none.
  std::string_view xattrs(const Inode& inode) const {
    return inode.xattrs_ == nullptr ? std::string_view() : inode.xattrs_->first;
  }

  // Names by directory, within one in byte order.
  struct Key {
    Id directory;
    std::string name;
  };
  struct KeyView {
    Id directory;
    std::string_view name;
  };
  struct Before {
    using is_transparent = void;
    static KeyView view(const Key& key) { return {key.directory, key.name}; }
    static KeyView view(const KeyView& key) { return key; }
    bool operator()(const auto& a, const auto& b) const {
      const KeyView x = view(a);
      const KeyView y = view(b);
      return x.directory != y.directory ? x.directory < y.directory : x.name < y.name;
    }
  };
  using Names = std::map<Key, Id, Before>;
  // The names of one directory, as a range of its map.
  std::pair<Names::const_iterator, Names::const_iterator> names(Id directory) const {
    return {names_.lower_bound(KeyView{directory, {}}),
            names_.lower_bound(KeyView{directory + 1, {}})};
  }

 private:
  Id make(mode_t type);
  void set_basics(Id inode, const ErofsAttributes& attributes);
  Result<Id> add(mode_t type, const ErofsAttributes& attributes);
  void change_xattrs(Inode& inode, std::string encoded);
  void release_xattrs(Inode& inode);
  Names::iterator erase_name(Names::iterator name);
  void drop(Inode& inode);

  std::vector<Inode> inodes_;
  Names names_;
  std::string targets_;
  std::string contents_;
  std::vector<std::vector<ErofsPiece>> pieces_;
  Xattrs xattrs_;
  uint64_t memory_ = 0;
};

}  // namespace skiff
