// IndexedLayer: a layer that is kept as its tar and an index on it, while it is made
// (docs/formats/erofs-index.md).
//
//   auto layer = TRY(IndexedLayer::read(tar, directory, options, files, cancel));
//   TRY(layer->write_index(lowers));           // once those below are known
//
// Of a layer's files only the tar is written, as it comes in. For one thread.
#pragma once

#include <memory>
#include <vector>

#include "base/cancellation.h"
#include "base/file.h"
#include "base/heap.h"
#include "base/io.h"
#include "snapshot/layer_index.h"

namespace skiff::snapshot {

class IndexedLayer {
 public:
  ~IndexedLayer() { trim_.wanted = index_.memory() > kMuch; }
  IndexedLayer(const IndexedLayer&) = delete;
  IndexedLayer& operator=(const IndexedLayer&) = delete;

  // Copies `tar` to its very end to DIRECTORY/layer.tar, and syncs it. What apply_layer() refuses
  // is refused here. `files` must outlive the layer.
  static Result<std::unique_ptr<IndexedLayer>> read(Source& tar, const Path& directory,
                                                    const LayerTreeOptions& options,
                                                    DurableFiles& files, const CancelToken& cancel);

  // The tar from its start, one reader at a time.
  Result<FdSource> tar();

  // Writes and syncs DIRECTORY/layer.erofs, as the layer is on top of the trees `lowers`,
  // topmost first; returns the SHA-256 of what was written. Once.
  Result<std::string> write_index(const std::vector<Path>& lowers);

 private:
  // Less the allocator keeps for the next one.
  static constexpr uint64_t kMuch = uint64_t{16} << 20U;

  IndexedLayer(Path directory, UniqueFd tar, const LayerTreeOptions& options, DurableFiles& files)
      : directory_(std::move(directory)), tar_(std::move(tar)), index_(options), files_(files) {}

  HeapTrim trim_;  // destroyed last
  Path directory_;
  UniqueFd tar_;
  LayerIndexer index_;
  DurableFiles& files_;
};

}  // namespace skiff::snapshot
