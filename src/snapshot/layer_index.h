// From a layer's tar to its index, in one pass (docs/formats/erofs-index.md).
#pragma once

#include <array>
#include <functional>
#include <span>

#include "base/cancellation.h"
#include "base/io.h"
#include "snapshot/layer_tree.h"

namespace skiff::snapshot {

struct LayerIndexOptions {
  LayerTreeOptions tree;
  LowerDirectory lower;
  std::array<uint8_t, 16> uuid{};  // distinct for each layer (erofs_writer.h)
  // Fills the buffer with the archive's bytes from an offset on, all of it having been read by
  // then: of sparse files whose pieces lie at odd places.
  std::function<Result<>(uint64_t offset, std::span<char> buffer)> read_archive;
};

struct LayerIndexed {
  uint64_t archive_bytes = 0;
  uint64_t index_bytes = 0;
  uint64_t inodes = 0;
  bool hides_all_below = false;
};

// Reads `tar`, uncompressed, to its very end and writes the index of it to `index`. What
// apply_layer refuses is refused here (kInvalidArgument, with the entry's name); nothing is
// written before the whole archive has been understood.
Result<LayerIndexed> write_layer_index(Source& tar, const LayerIndexOptions& options, Sink& index,
                                       const CancelToken& cancel = {});

}  // namespace skiff::snapshot
