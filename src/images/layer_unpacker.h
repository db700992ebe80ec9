// LayerUnpacker: turns layer blobs into committed snapshots named by chainID, and checks on
// the way that their content is what the config promised.
//
//   LayerUnpacker::Incoming top = TRY(unpacker.receive(image, 1, report, cancel));
//   TRY(unpacker.unpack(image, 0, report, cancel));
//   TRY(unpacker.finish(image, 1, std::move(top)));
//
// Thread-safe.
#pragma once

#include <functional>

#include "codec/compress.h"
#include "images/image_reader.h"
#include "images/keyed_mutex.h"
#include "images/storage_limit.h"
#include "snapshot/snapshotter.h"

namespace skiff::images {

class LayerUnpacker {
 public:
  LayerUnpacker(content::ContentStore& store, snapshot::Snapshotter& snapshots, StorageLimit& limit,
                const ExpansionLimit& expansion)
      : store_(store), snapshots_(snapshots), limit_(limit), expansion_(expansion) {}

  // Compressed bytes taken in so far.
  using Report = std::function<void(uint64_t bytes)>;

  // Layer `index` of the image, on top of those below it, which must be there. True where it
  // was made now, false where it was there. kDataLoss names a blob that is damaged.
  Result<bool> unpack(const Document& image, size_t index, const Report& report,
                      const CancelToken& cancel);

  // The same in two halves, the first without those below. Who receives one layer keeps others
  // from it, so layers must be received from the lowest up.
  struct Incoming {
    KeyedMutex::Guard guard;
    // nullptr where the layer is there already, or the snapshotter wants those below first.
    std::unique_ptr<snapshot::ReceivedLayer> layer;
  };
  Result<Incoming> receive(const Document& image, size_t index, const Report& report,
                           const CancelToken& cancel);
  // From a blob that is still on its way: only the layer's content is verified, and what the
  // error of a failure blames may be the way.
  Result<Incoming> receive(Source& blob, const Document& image, size_t index, const Report& report,
                           const CancelToken& cancel);
  // Of an incoming layer that is not nullptr.
  Result<> finish(const Document& image, size_t index, Incoming incoming);
  Result<bool> has(const std::string& snapshot);

 private:
  using UseTar = std::function<Result<>(Source& tar)>;
  using ReadLayer = std::function<Result<>(const UseTar& use)>;
  Result<Incoming> receive_as(const Document& image, size_t index, const ReadLayer& read,
                              const CancelToken& cancel);
  // Gives the blob's checked tar to `use`.
  Result<> read_layer(Source& blob, const Document& image, size_t index, const Report& report,
                      const CancelToken& cancel, const UseTar& use);
  // The same of the blob in the store.
  Result<> read_stored(const Document& image, size_t index, const Report& report,
                       const CancelToken& cancel, const UseTar& use);

  content::ContentStore& store_;
  snapshot::Snapshotter& snapshots_;
  StorageLimit& limit_;
  const ExpansionLimit expansion_;
  KeyedMutex unpacking_;  // by chainID
};

}  // namespace skiff::images
