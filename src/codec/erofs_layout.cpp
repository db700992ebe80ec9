#include "codec/erofs_layout.h"

#include <algorithm>
#include <limits>

#include "base/strings.h"
#include "codec/erofs_directory.h"

namespace skiff::erofs {

namespace {

using Id = ErofsTree::Id;

constexpr uint64_t kFreeExtra = uint64_t{64} << 20U;

Error too_large(std::string why) { return {Code::kResourceExhausted, std::move(why)}; }

uint64_t room_in_block(uint64_t offset) { return kErofsBlock - offset % kErofsBlock; }

}  // namespace

uint16_t xattr_count(std::string_view encoded) {
  if (encoded.empty()) return 0;
  return static_cast<uint16_t>(1 + (encoded.size() - sizeof(XattrHeader)) / 4);
}

Result<Layout> Layout::make(const ErofsTree& tree, uint64_t source_size, size_t least_small) {
  Layout layout(tree);
  layout.collect();
  layout.measure();
  layout.choose_inlining(least_small);
  layout.choose_epoch();
  TRY(layout.place_metadata(source_size + kFreeExtra));
  TRY(layout.place_blocks());
  return layout;
}

// Breadth within a directory, then its subdirectories one by one: what `ls -l` and what `find`
// read lies together.
void Layout::collect() {
  std::vector<Id> pending = {ErofsTree::kRoot};
  order_.push_back(ErofsTree::kRoot);
  places_[ErofsTree::kRoot].links = 2;
  while (!pending.empty()) {
    const Id directory = pending.back();
    pending.pop_back();
    const size_t first = pending.size();
    const auto [begin, end] = tree_->names(directory);
    for (auto name = begin; name != end; ++name) {
      Place& place = places_[name->second];
      if (place.links++ == 0) order_.push_back(name->second);
      if (!tree_->is_directory(name->second)) continue;
      place.links = 2;
      ++places_[directory].links;
      pending.push_back(name->second);
    }
    std::reverse(pending.begin() + static_cast<ptrdiff_t>(first), pending.end());
  }
}

void Layout::measure() {
  for (const Id id : order_) {
    places_[id].size = tree_->is_directory(id) ? directory_size(*tree_, id) : tree_->inode(id).size;
  }
}

void Layout::choose_inlining(size_t least_small) {
  size_t files = 0;
  size_t small = 0;
  for (const Id id : order_) {
    const ErofsTree::Inode& inode = tree_->inode(id);
    if (!S_ISREG(inode.mode) || inode.size == 0) continue;
    ++files;
    if (inode.has_contents()) ++small;
  }
  inlines_files_ = small >= least_small && small >= files - small;
}

// Compact inodes have no time of their own: it is the commonest.
void Layout::choose_epoch() {
  std::vector<TimePoint> times;
  times.reserve(order_.size());
  for (const Id id : order_) times.push_back(tree_->inode(id).mtime);
  std::ranges::sort(times);
  ptrdiff_t most = 0;
  for (auto run = times.begin(); run != times.end();) {
    const auto end = std::upper_bound(run, times.end(), *run);
    if (end - run > most) epoch_ = *run;
    most = std::max(most, end - run);
    run = end;
  }
}

bool Layout::can_be_compact(const ErofsTree::Inode& inode, const Place& place) const {
  constexpr uint32_t kMost16 = std::numeric_limits<uint16_t>::max();
  return inode.mtime == epoch_ && inode.uid <= kMost16 && inode.gid <= kMost16 &&
         place.links <= kMost16 && place.size <= std::numeric_limits<uint32_t>::max();
}

Result<> Layout::place_metadata(uint64_t limit) {
  for (const Id id : order_) {
    const ErofsTree::Inode& inode = tree_->inode(id);
    Place& place = places_[id];
    place.extended = !can_be_compact(inode, place);
    const uint64_t header = place.inode_size() + tree_->xattrs(inode).size();
    uint64_t at = align_to(metadata_end_, kSlot);
    uint64_t behind = 0;
    if (inode.sparse) {
      behind = align_to(at + header, sizeof(ChunkIndex)) - at - header;
      behind += TRY(place_chunks(inode, place, limit));
    } else if (S_ISDIR(inode.mode) || S_ISLNK(inode.mode) ||
               (inlines_files_ && inode.has_contents())) {
      at = place_contents(inode, place, at);
      behind = place.tail();
    }
    place.nid = at / kSlot;
    metadata_end_ = at + header + behind;
  }
  return {};
}

// The bytes of the table.
Result<uint64_t> Layout::place_chunks(const ErofsTree::Inode& inode, Place& place, uint64_t limit) {
  const auto pieces = tree_->pieces(inode);
  const ChunkPlan plan = plan_chunks(pieces, inode.size);
  extra_ += plan.cost();
  if (extra_ > limit) {
    return too_large(cat("the holes of its files need an index of more than ", limit, " bytes"));
  }
  has_chunks_ = true;
  place.layout = DataLayout::kChunks;
  place.chunk_bits = static_cast<uint8_t>(plan.bits);
  if (plan.copied > 0) {
    uint64_t blocks = 0;
    ChunkWalk walk(pieces, inode.size, plan.chunk_size());
    for (Chunk chunk; walk.next(chunk);) {
      if (chunk.kind == Chunk::Kind::kCopied) blocks += blocks_of(chunk.size);
    }
    if (blocks > std::numeric_limits<uint32_t>::max()) return too_large("too much data to copy");
    place.blocks = static_cast<uint32_t>(blocks);
  }
  return plan.count * sizeof(ChunkIndex);
}

// Puts a directory's or symlink's last block, or what a file holds, behind the inode where both fit
// one block. A directory's or symlink's only where that does not waste more than a block of its
// own. Returns where the inode begins.
uint64_t Layout::place_contents(const ErofsTree::Inode& inode, Place& place, uint64_t at) const {
  const uint64_t tail = place.size % kErofsBlock;
  const uint64_t whole = place.inode_size() + tree_->xattrs(inode).size() + tail;
  const uint64_t skipped = whole <= room_in_block(at) ? 0 : room_in_block(at);
  const bool fits =
      tail != 0 && whole <= kErofsBlock && (S_ISDIR(inode.mode) || place.size < kErofsBlock);
  if (S_ISREG(inode.mode)) {  // whose blocks are the source's
    if (!fits) return at;
    place.layout = DataLayout::kInline;
    return at + skipped;
  }
  place.blocks = static_cast<uint32_t>(blocks_of(place.size));
  if (!fits || skipped > kErofsBlock - tail) return at;
  place.layout = DataLayout::kInline;
  --place.blocks;
  return at + skipped;
}

Result<> Layout::place_blocks() {
  uint64_t next = blocks_of(metadata_end_);
  for (const Id id : order_) {
    Place& place = places_[id];
    if (place.blocks == 0) continue;
    place.block = static_cast<uint32_t>(next);
    next += place.blocks;
  }
  if (next >= ChunkIndex::kNoBlock) return too_large("the image has too many blocks");
  blocks_ = next;
  return {};
}

}  // namespace skiff::erofs
