// From a layer's tar to its index, in one pass over the tar (docs/formats/erofs-index.md).
//
//   LayerIndexer index({.is_lowest = false, .implied_mtime = clock.now()});
//   TRY(index.read(tar, cancel));
//   TRY(index.write({.lower = look_below, .read_archive = pread_tar}, sink));
#pragma once

#include <array>
#include <functional>
#include <set>
#include <span>

#include "base/cancellation.h"
#include "base/io.h"
#include "codec/erofs_writer.h"
#include "snapshot/layer_tree.h"

namespace skiff::snapshot {

// Where a layer's index is to serve.
struct LayerPlace {
  LowerDirectory lower;
  std::array<uint8_t, 16> uuid{};  // distinct for each layer (erofs_writer.h)
  // Fills the buffer with the archive's bytes from an offset on: of sparse files whose pieces lie
  // at odd places.
  std::function<Result<>(uint64_t offset, std::span<char> buffer)> read_archive;
  // From which on small files are in the index, too (ErofsOptions).
  size_t least_small_files = ErofsOptions{}.least_small_files;
};

struct LayerIndexed {
  uint64_t archive_bytes = 0;
  uint64_t index_bytes = 0;
  uint64_t inodes = 0;
};

// Not thread-safe.
class LayerIndexer {
 public:
  explicit LayerIndexer(const LayerTreeOptions& options) : layer_(options) {}

  // Reads `tar`, uncompressed, to its very end. What apply_layer refuses is refused here
  // (kInvalidArgument, with the entry's name). Once.
  Result<> read(Source& tar, const CancelToken& cancel);

  // The layer hides all below it, which overlayfs does not do for the mark on a layer's root:
  // the names there are to be hidden one by one.
  bool hides_all_below() const { return layer_.hides_all_below(); }
  Result<> hide(const std::set<std::string>& names);

  // As LayerTreeOptions::memory counts it.
  uint64_t memory() const { return layer_.memory(); }

  // Writes the index. Once.
  Result<LayerIndexed> write(const LayerPlace& place, Sink& index);

 private:
  LayerTree layer_;
  uint64_t archive_bytes_ = 0;
};

}  // namespace skiff::snapshot
