// LayerUnpacker: turns layer blobs into committed snapshots named by chainID, and checks on
// the way that their content is what the config promised.
//
//   LayerUnpacker::Incoming top = TRY(unpacker.receive(image, 1, report, cancel));
//   TRY(unpacker.unpack(image, 0, report, cancel));
//   TRY(unpacker.unpack(image, 1, report, cancel));  // finds what was received
//
// Nobody is kept waiting by a layer that somebody else still waits for: of those who unpack the
// same one at a time each reads what it has itself, and the first puts it in its place.
// Thread-safe.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>

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
  // was made now, also in place of one that was damaged, false where it was there. kDataLoss names
  // a blob that is damaged.
  Result<bool> unpack(const Document& image, size_t index, const Report& report,
                      const CancelToken& cancel);

  // Whether receive() can have something to receive: else a layer wants those below first.
  bool receives() const { return snapshots_.backend() == snapshot::Backend::kErofs; }
  // The first half of unpack(), without the layers below: what is received is used by whoever
  // unpacks the layer while the caller keeps this. nullptr where there is nothing to receive:
  // the layer is there, or the snapshotter wants those below first.
  using Incoming = std::shared_ptr<struct IncomingLayer>;
  Result<Incoming> receive(const Document& image, size_t index, const Report& report,
                           const CancelToken& cancel);
  // From a blob that is still on its way: only the layer's content is verified, and what the
  // error of a failure blames may be the way.
  Result<Incoming> receive(Source& blob, const Document& image, size_t index, const Report& report,
                           const CancelToken& cancel);
  // Whether it is there and, as far as anybody knows, whole.
  Result<bool> has(const std::string& snapshot);
  // The same of all that it stands on, too: unpacking goes upwards.
  Result<bool> has_all_below(const std::string& snapshot);

 private:
  using UseTar = std::function<Result<>(RoomSource& tar)>;
  // Gives the blob's checked tar to `use`.
  Result<> read_layer(Source& blob, const Document& image, size_t index, const Report& report,
                      const CancelToken& cancel, const UseTar& use);
  // The same of the blob in the store.
  Result<> read_stored(const Document& image, size_t index, const Report& report,
                       const CancelToken& cancel, const UseTar& use);
  UseTar receive_into(Incoming& incoming, size_t index, const CancelToken& cancel);
  // What was received of `name` and has no place yet; nullptr.
  Incoming find_received(const std::string& name);
  Incoming share(const std::string& name, Incoming received);

  content::ContentStore& store_;
  snapshot::Snapshotter& snapshots_;
  StorageLimit& limit_;
  const ExpansionLimit expansion_;
  KeyedMutex unpacking_;  // by chainID; held only while a blob of the store is read
  std::mutex mutex_;      // of what follows
  std::map<std::string, std::weak_ptr<IncomingLayer>> received_;  // by chainID
};

}  // namespace skiff::images
