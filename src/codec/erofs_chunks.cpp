#include "codec/erofs_chunks.h"

#include <algorithm>
#include <limits>

#include "codec/erofs_format.h"

namespace skiff::erofs {

namespace {

uint64_t end_of(const ErofsPiece& piece) { return piece.offset + piece.size; }

// Whether blocks of the file are blocks of the source.
bool is_aligned(const ErofsPiece& piece) {
  return (piece.source_offset - piece.offset) % kErofsBlock == 0;
}

ChunkPlan plan_with(std::span<const ErofsPiece> pieces, uint64_t size, unsigned bits) {
  ChunkPlan plan{.bits = bits};
  const unsigned shift = kBlockBits + bits;
  plan.count = ((size - 1) >> shift) + 1;
  uint64_t counted = 0;  // chunks before this one are
  const auto copy = [&](uint64_t first, uint64_t last) {
    first = std::max(first, counted);
    if (last < first) return;
    plan.copied += last - first + 1;
    counted = last + 1;
  };
  for (const ErofsPiece& piece : pieces) {
    const uint64_t first = piece.offset >> shift;
    const uint64_t last = (end_of(piece) - 1) >> shift;
    if (!is_aligned(piece)) {
      copy(first, last);
      continue;
    }
    const uint64_t chunk_size = plan.chunk_size();
    const bool is_cut = end_of(piece) != size && end_of(piece) % chunk_size != 0;
    if (piece.offset % chunk_size != 0) copy(first, first);
    if (is_cut) copy(last, last);
  }
  return plan;
}

}  // namespace

uint64_t ChunkPlan::chunk_size() const { return kErofsBlock << bits; }

uint64_t ChunkPlan::cost() const {
  constexpr uint64_t kMost = std::numeric_limits<uint64_t>::max() / 4;
  if (copied > kMost / chunk_size()) return kMost;
  return count * sizeof(ChunkIndex) + copied * chunk_size();
}

ChunkPlan plan_chunks(std::span<const ErofsPiece> pieces, uint64_t size) {
  ChunkPlan best = plan_with(pieces, size, 0);
  for (unsigned bits = 1; bits <= kMaxChunkBits && best.count > 1; ++bits) {
    const ChunkPlan plan = plan_with(pieces, size, bits);
    if (plan.cost() <= best.cost()) best = plan;
    if (plan.count == 1) break;
  }
  return best;
}

bool ChunkWalk::next(Chunk& chunk) {
  if (next_ >= size_) return false;
  chunk = {.offset = next_, .size = std::min(chunk_size_, size_ - next_)};
  next_ += chunk.size;
  while (!pieces_.empty() && end_of(pieces_.front()) <= chunk.offset) pieces_ = pieces_.subspan(1);
  if (pieces_.empty() || pieces_.front().offset >= next_) return true;
  const ErofsPiece& piece = pieces_.front();
  const bool covers = piece.offset <= chunk.offset && end_of(piece) >= next_;
  chunk.kind = covers && is_aligned(piece) ? Chunk::Kind::kMapped : Chunk::Kind::kCopied;
  chunk.source_block = (piece.source_offset + chunk.offset - piece.offset) >> kBlockBits;
  return true;
}

}  // namespace skiff::erofs
