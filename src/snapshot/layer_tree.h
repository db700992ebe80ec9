// LayerTree: what a layer's tar unpacks to, as a tree for an index; no file is written. The rules
// are those of apply_layer (layer_apply.h), the messages, too: a layer is accepted by both back
// ends or by none.
//
//   LayerTree layer({.implied_mtime = clock.now()});
//   TarReader tar(source);
//   while (const TarEntry* entry = TRY(tar.next())) TRY(layer.add(*entry, tar.body_pieces()));
//   TRY(layer.add_late_links());
//   TRY(layer.finish());
//   TRY(write_erofs(layer.tree(), {.source_size = archive_size, ...}, sink));
//
// Entries are applied in order, the last of a name wins; a directory over a directory keeps what
// is in it. Names pass through symlinks that stay within the layer. A deletion becomes a
// character device 0:0, an opaque directory gets overlayfs's attribute. Not thread-safe. What is
// refused is kInvalidArgument.
//
// All of it is in memory, about 200 bytes a file and its extended attributes, of which an archive
// can be made that holds little else: what takes more than `memory` is kResourceExhausted. This
// alone the other back end does not refuse.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>

#include "codec/erofs_tree.h"
#include "codec/tar.h"
#include "snapshot/late_links.h"
#include "snapshot/layer_name.h"

namespace skiff::snapshot {

struct LayerTreeOptions {
  // Nothing will lie below: deletions and opaque marks mean nothing and are left out.
  bool is_lowest = false;
  // Of directories that the archive only implies. They are 0755 and root's.
  TimePoint implied_mtime;
  // Two million files, as images have them.
  uint64_t memory = uint64_t{512} << 20U;
};

// What the directory `path` ("" is the root) is like in the layers below; nullopt for none.
using LowerDirectory =
    std::function<Result<std::optional<ErofsAttributes>>(const std::string& path)>;

class LayerTree {
 public:
  explicit LayerTree(const LayerTreeOptions& options);

  // `pieces` are those of the entry's body (TarReader::body_pieces).
  Result<> add(const TarEntry& entry, std::span<const TarPiece> pieces);
  // Whether that entry is a small file, whose contents the index may hold: then to be told.
  bool wants_contents() const { return small_file_.has_value(); }
  void keep_contents(std::string_view contents);
  // Once, after the last entry: makes the hard links that came before their targets.
  Result<> add_late_links();
  // Once, after these. Directories that the archive only implies, the root among them,
  // become as `lower` says.
  Result<> finish(const LowerDirectory& lower = {});

  const ErofsTree& tree() const { return tree_; }
  // What counts against `memory`.
  uint64_t memory() const { return tree_.memory() + path_memory_; }
  // The layer hides all below it. Overlayfs ignores the mark on a root: leave the others out.
  bool hides_all_below() const { return root_is_opaque_; }

 private:
  using Id = ErofsTree::Id;

  Result<> apply(const TarEntry& entry, std::span<const TarPiece> pieces);
  bool is_part(Id id) const { return id == ErofsTree::kRoot || tree_.inode(id).has_name(); }
  Result<Id> directory_at(const std::string& path, bool make);
  Result<Id> make_implied(Id parent, const std::string& path, const std::string& name,
                          bool was_deleted);
  Result<Id> through_symlink(Id at, std::string& here, Id symlink, const std::string& path);
  bool is_whiteout(Id inode) const;
  Result<> whiteout(const LayerName& name, TimePoint mtime);
  Result<> opaque(const std::string& path);
  Result<> root(const TarEntry& entry);
  Result<> directory(Id parent, const LayerName& name, const TarEntry& entry);
  bool is_within(Id directory, Id above) const;
  Result<> hard_link(Id parent, const LayerName& name, const TarEntry& entry);
  Result<> link_later(Id parent, const LayerName& name, const TarEntry& entry);
  struct Target {
    Id directory = 0;
    Id inode = 0;
  };
  Result<Target> find_target(const LayerName& name);
  Result<> link_to(Id parent, const std::string& name, const Target& target,
                   const std::string& text);
  Result<Id> make_file(const TarEntry& entry, std::span<const TarPiece> pieces);
  Result<Id> make_special(const TarEntry& entry);
  Result<> put(Id parent, const std::string& name, Id inode);
  void remove(Id parent, const std::string& name);

  LayerTreeOptions options_;
  ErofsTree tree_;
  std::map<Id, std::string> implied_;  // with their paths
  uint64_t path_memory_ = 0;           // of all such paths and late links that ever were
  std::set<Id> opaque_;
  LateLinks<std::pair<Id, std::string>> late_links_;  // by directory and name
  size_t late_count_ = 0;
  std::optional<Id> small_file_;  // what was added last
  uint64_t contents_ = 0;         // bytes of all that were ever kept
  bool root_is_opaque_ = false;
  // The last directory found by name: most entries are in the one of the entry before.
  std::string last_path_;
  Id last_directory_ = ErofsTree::kRoot;
};

}  // namespace skiff::snapshot
