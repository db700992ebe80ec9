// A file with holes, or one whose bytes lie at odd places, cut into chunks of one size: each a
// hole, a run of blocks in the source, or blocks that must be copied into the image. Private to
// codec/.
#pragma once

#include <cstdint>
#include <span>

#include "codec/erofs_tree.h"

namespace skiff::erofs {

struct Chunk {
  enum class Kind : uint8_t { kHole, kMapped, kCopied };
  Kind kind = Kind::kHole;
  uint64_t offset = 0;        // in the file
  uint64_t size = 0;          // up to the end of the file
  uint64_t source_block = 0;  // of a mapped one
};

struct ChunkPlan {
  unsigned bits = 0;    // a chunk is 512 << bits bytes
  uint64_t count = 0;   // of chunks
  uint64_t copied = 0;  // of those, an upper bound of which are copied
  uint64_t chunk_size() const;
  // The table and the copies; saturates.
  uint64_t cost() const;
};

// The chunk size that costs least. `size` is not 0.
ChunkPlan plan_chunks(std::span<const ErofsPiece> pieces, uint64_t size);

// The chunks of a plan, in order.
class ChunkWalk {
 public:
  ChunkWalk(std::span<const ErofsPiece> pieces, uint64_t size, uint64_t chunk_size)
      : pieces_(pieces), size_(size), chunk_size_(chunk_size) {}
  bool next(Chunk& chunk);
  // Those that the last chunk overlaps, and perhaps more behind it.
  std::span<const ErofsPiece> pieces() const { return pieces_; }

 private:
  std::span<const ErofsPiece> pieces_;  // those not yet passed
  uint64_t size_;
  uint64_t chunk_size_;
  uint64_t next_ = 0;
};

}  // namespace skiff::erofs
