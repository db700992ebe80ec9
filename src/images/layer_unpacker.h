// LayerUnpacker: turns layer blobs into committed snapshots named by chainID, and checks on
// the way that their content is what the config promised. Thread-safe.
#pragma once

#include <functional>

#include "images/image_reader.h"
#include "images/keyed_mutex.h"
#include "images/storage_limit.h"
#include "snapshot/snapshotter.h"

namespace skiff::images {

class LayerUnpacker {
 public:
  LayerUnpacker(content::ContentStore& store, snapshot::Snapshotter& snapshots, StorageLimit& limit)
      : store_(store), snapshots_(snapshots), limit_(limit) {}

  // Compressed bytes taken in so far.
  using Report = std::function<void(uint64_t bytes)>;

  // Layer `index` of the image, on top of those below it, which must be there. True where it
  // was made now, false where it was there. kDataLoss names a blob that is damaged.
  Result<bool> unpack(const Document& image, size_t index, const Report& report,
                      const CancelToken& cancel);
  Result<bool> has(const std::string& snapshot);

 private:
  Result<> unpack_blob(const oci::Digest& layer, const oci::Digest& diff_id,
                       const std::string& name, const std::string& parent, const Report& report,
                       const CancelToken& cancel);

  content::ContentStore& store_;
  snapshot::Snapshotter& snapshots_;
  StorageLimit& limit_;
  KeyedMutex unpacking_;  // by chainID
};

}  // namespace skiff::images
