#include "images/layer_unpacker.h"

#include <array>

#include "base/strings.h"
#include "images/progress.h"

namespace skiff::images {

namespace {

// Passes a layer's tar on and refuses its end where the whole is not what it should be: so a
// snapshotter that reads to the end never commits a wrong layer.
class CheckedSource : public Source {
 public:
  CheckedSource(Source& from, const oci::Digest& expected, const CancelToken& cancel)
      : from_(from), expected_(expected), cancel_(cancel), hasher_(expected.algorithm()) {}

  Result<size_t> read(std::span<char> buffer) override {
    TRY(cancel_.check());
    const size_t n = TRY(from_.read(buffer));
    hasher_.update({buffer.data(), n});
    if (n > 0 || buffer.empty()) return n;
    const oci::Digest actual = oci::Digest::from_hex(expected_.algorithm(), hasher_.hex());
    if (actual == expected_) return 0;
    return Error(Code::kDataLoss,
                 cat("its content is ", actual.str(), ", the image promised ", expected_.str()));
  }

 private:
  Source& from_;
  const oci::Digest& expected_;
  const CancelToken& cancel_;
  Hasher hasher_;
};

std::string name_of(const Document& image, size_t index) {
  return oci::chain_id(image.config.diff_ids, index + 1).str();
}

std::string parent_of(const Document& image, size_t index) {
  return index == 0 ? "" : name_of(image, index - 1);
}

}  // namespace

struct IncomingLayer {
  std::unique_ptr<snapshot::ReceivedLayer> layer;  // nullptr: somebody has put it in its place
  std::optional<StorageLimit::Room> room;
};

Result<bool> LayerUnpacker::unpack(const Document& image, size_t index, const Report& report,
                                   const CancelToken& cancel) {
  const std::string name = name_of(image, index);
  const auto guard = TRY(unpacking_.lock(name, cancel));
  if (TRY(has(name))) return false;
  const std::string parent = parent_of(image, index);
  if (const Incoming received = find_received(name); received && received->layer) {
    const auto added = snapshots_.add(name, parent, std::move(received->layer));
    // A build step may have made the same one meanwhile.
    if (!added && added.error().code() != Code::kAlreadyExists) return added.error();
    return true;
  }
  TRY(read_stored(image, index, report, cancel,
                  [&](Source& tar) { return snapshots_.unpack(name, parent, tar, cancel); }));
  return true;
}

Result<LayerUnpacker::Incoming> LayerUnpacker::receive(const Document& image, size_t index,
                                                       const Report& report,
                                                       const CancelToken& cancel) {
  const std::string name = name_of(image, index);
  const auto guard = TRY(unpacking_.lock(name, cancel));
  if (TRY(has(name))) return nullptr;
  if (Incoming received = find_received(name)) return received;
  Incoming incoming;
  TRY(read_stored(image, index, report, cancel, receive_into(incoming, index, cancel)));
  return share(name, std::move(incoming));
}

Result<LayerUnpacker::Incoming> LayerUnpacker::receive(Source& blob, const Document& image,
                                                       size_t index, const Report& report,
                                                       const CancelToken& cancel) {
  // Without the lock: the blob may take for ever, and whose name it is is not proven yet.
  const std::string name = name_of(image, index);
  if (TRY(has(name))) return nullptr;
  if (Incoming received = find_received(name)) return received;
  Incoming incoming;
  TRY_CONTEXT(read_layer(blob, image, index, report, cancel, receive_into(incoming, index, cancel)),
              cat("unpack layer ", image.manifest.layers[index].digest.str()));
  return share(name, std::move(incoming));
}

LayerUnpacker::UseTar LayerUnpacker::receive_into(Incoming& incoming, size_t index,
                                                  const CancelToken& cancel) {
  return [this, &incoming, index, &cancel](RoomSource& tar) -> Result<> {
    const auto position = index == 0 ? snapshot::Snapshotter::Position::kFirst
                                     : snapshot::Snapshotter::Position::kOnTop;
    auto layer = TRY(snapshots_.receive(tar, position, cancel));
    if (layer == nullptr) return {};
    incoming = std::make_shared<IncomingLayer>();
    incoming->layer = std::move(layer);
    incoming->room.emplace(tar.take_room());
    return {};
  };
}

LayerUnpacker::Incoming LayerUnpacker::find_received(const std::string& name) {
  const std::scoped_lock lock(mutex_);
  const auto found = received_.find(name);
  return found == received_.end() ? nullptr : found->second.lock();
}

LayerUnpacker::Incoming LayerUnpacker::share(const std::string& name, Incoming received) {
  if (received == nullptr) return nullptr;
  const std::scoped_lock lock(mutex_);
  std::erase_if(received_, [](const auto& each) { return each.second.expired(); });
  received_[name] = received;
  return received;
}

Result<> LayerUnpacker::read_layer(Source& blob, const Document& image, size_t index,
                                   const Report& report, const CancelToken& cancel,
                                   const UseTar& use) {
  ProgressSource counted(blob, [&](uint64_t bytes) {
    if (report) report(bytes);
  });
  const auto tar = TRY(open_decompressed(counted, expansion_));
  CheckedSource checked(*tar, image.config.diff_ids[index], cancel);
  RoomSource within_limit(checked, limit_);
  return use(within_limit);
}

Result<> LayerUnpacker::read_stored(const Document& image, size_t index, const Report& report,
                                    const CancelToken& cancel, const UseTar& use) {
  const oci::Digest& layer = image.manifest.layers[index].digest;
  const auto read = [&]() -> Result<> {
    const auto blob = TRY(store_.open(layer));
    return read_layer(*blob, image, index, report, cancel, use);
  };
  Result<> done = read();
  if (!done && !cancel.cancelled() && done.error().code() != Code::kResourceExhausted) {
    // Damage shows as whatever it did to the archive.
    Result<> verified = store_.verify(layer, {.always = true}, cancel);
    if (!verified && verified.error().code() == Code::kDataLoss) done = std::move(verified);
  }
  return std::move(done).context(cat("unpack layer ", layer.str()));
}

Result<bool> LayerUnpacker::has(const std::string& snapshot) {
  const auto info = snapshots_.stat(snapshot);
  if (info) return info->damage.empty();
  if (info.error().code() == Code::kNotFound) return false;
  return info.error();
}

Result<bool> LayerUnpacker::has_all_below(const std::string& snapshot) {
  return TRY(has(snapshot)) && !TRY(snapshots_.damaged_below(snapshot));
}

}  // namespace skiff::images
