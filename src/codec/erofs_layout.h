// Where everything of a tree goes in its image: computed before the first byte is written, since
// directories name inodes that come later. Private to codec/.
//
// The image: 1024 bytes of nothing, superblock and device table; from kMetadataStart on the
// inodes with what stands behind them (extended attributes, small contents, chunk tables), the
// root first, then directory by directory; then blocks: directories, long symlinks, copied data.
#pragma once

#include <vector>

#include "codec/erofs_chunks.h"
#include "codec/erofs_format.h"
#include "codec/erofs_tree.h"

namespace skiff::erofs {

inline constexpr uint64_t kMetadataStart = kSuperOffset + kErofsBlock;

// One inode's place.
struct Place {
  uint64_t nid = 0;
  uint64_t size = 0;    // as stat shows it
  uint32_t links = 0;   // 0: not in the image
  uint32_t block = 0;   // its first block in this image, if it has any
  uint32_t blocks = 0;  // so many
  DataLayout layout = DataLayout::kPlain;
  uint8_t chunk_bits = 0;
  bool extended = true;

  uint64_t offset() const { return nid * kSlot; }
  uint64_t inode_size() const { return extended ? sizeof(ExtendedInode) : sizeof(CompactInode); }
  // Of what an inline layout has behind the inode.
  uint64_t tail() const { return layout == DataLayout::kInline ? size % kErofsBlock : 0; }
};

class Layout {
 public:
  // kResourceExhausted where holes and odd pieces would make the image larger than the source
  // and 64 MiB, or it does not fit 32-bit block numbers.
  // Files that are small are inlined where there are at least `least_small` of them, and they are
  // half of all.
  static Result<Layout> make(const ErofsTree& tree, uint64_t source_size, size_t least_small);

  // The inodes of the image, in its order.
  const std::vector<ErofsTree::Id>& order() const { return order_; }
  const Place& place(ErofsTree::Id inode) const { return places_[inode]; }
  uint64_t blocks() const { return blocks_; }
  TimePoint epoch() const { return epoch_; }
  bool has_chunks() const { return has_chunks_; }

 private:
  explicit Layout(const ErofsTree& tree) : tree_(&tree), places_(tree.inodes()) {}

  void collect();
  void measure();
  void choose_inlining(size_t least_small);
  void choose_epoch();
  bool can_be_compact(const ErofsTree::Inode& inode, const Place& place) const;
  Result<> place_metadata(uint64_t limit);
  Result<uint64_t> place_chunks(const ErofsTree::Inode& inode, Place& place, uint64_t limit);
  uint64_t place_contents(const ErofsTree::Inode& inode, Place& place, uint64_t at) const;
  Result<> place_blocks();

  const ErofsTree* tree_;
  std::vector<ErofsTree::Id> order_;
  std::vector<Place> places_;
  TimePoint epoch_;
  bool has_chunks_ = false;
  bool inlines_files_ = false;
  uint64_t extra_ = 0;  // bytes that holes and odd pieces cost
  uint64_t metadata_end_ = kMetadataStart;
  uint64_t blocks_ = 0;
};

// An inode's xattr_count.
uint16_t xattr_count(std::string_view encoded);

}  // namespace skiff::erofs
