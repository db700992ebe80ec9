// Sparse files in tar archives: which pieces of the file the archive holds, and a source
// of the whole file with the holes filled. Private to codec/.
#pragma once

#include <cstdint>
#include <vector>

#include "base/io.h"

namespace skiff::tar {

struct Piece {
  uint64_t offset = 0;
  uint64_t size = 0;
};
using SparseMap = std::vector<Piece>;

// Pieces in order, none beyond `real_size`, together `stored` bytes.
Result<> check_sparse_map(const SparseMap& map, uint64_t real_size, uint64_t stored);

// "offset,size,offset,size...": GNU.sparse.map of PAX sparse format 0.1.
Result<SparseMap> parse_sparse_list(std::string_view text);

// Reads the map at the front of a body, PAX sparse format 1.0: decimal lines, padded to a
// block. Returns the map and how many bytes of the body it took.
Result<std::pair<SparseMap, uint64_t>> read_sparse_map(Source& body);

class SparseSource : public Source {
 public:
  // `stored` gives the pieces' bytes one after the other and must outlive this.
  SparseSource(Source& stored, SparseMap map, uint64_t real_size)
      : stored_(stored), map_(std::move(map)), real_size_(real_size) {}
  Result<size_t> read(std::span<char> buffer) override;
  uint64_t skip_hole() override;
  const SparseMap& map() const { return map_; }

 private:
  // What begins at `position_`: a piece or a hole, up to `end`.
  struct Run {
    bool is_hole;
    uint64_t end;
  };
  Run run();

  Source& stored_;
  SparseMap map_;
  uint64_t real_size_;
  size_t next_piece_ = 0;
  uint64_t position_ = 0;
};

}  // namespace skiff::tar
