#include "images/layer_unpacker.h"

#include <array>

#include "base/strings.h"
#include "codec/compress.h"
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

}  // namespace

Result<bool> LayerUnpacker::unpack(const Document& image, size_t index, const Report& report,
                                   const CancelToken& cancel) {
  const oci::Descriptor& layer = image.manifest.layers[index];
  const std::vector<oci::Digest>& diff_ids = image.config.diff_ids;
  const std::string name = oci::chain_id(diff_ids, index + 1).str();
  const std::string parent = index == 0 ? "" : oci::chain_id(diff_ids, index).str();
  const auto guard = TRY(unpacking_.lock(name, cancel));
  if (TRY(has(name))) return false;
  Result<> unpacked = unpack_blob(layer.digest, diff_ids[index], name, parent, report, cancel);
  if (unpacked) return true;
  if (!cancel.cancelled() && !is_no_room(unpacked.error())) {
    // Damage shows as whatever it did to the archive.
    Result<> verified = store_.verify(layer.digest, {.always = true}, cancel);
    if (!verified && verified.error().code() == Code::kDataLoss) unpacked = std::move(verified);
  }
  return std::move(unpacked.error()).with_context(cat("unpack layer ", layer.digest.str()));
}

Result<> LayerUnpacker::unpack_blob(const oci::Digest& layer, const oci::Digest& diff_id,
                                    const std::string& name, const std::string& parent,
                                    const Report& report, const CancelToken& cancel) {
  const auto blob = TRY(store_.open(layer));
  ProgressSource counted(*blob, [&](uint64_t bytes) {
    if (report) report(bytes);
  });
  const auto tar = TRY(open_decompressed(counted));
  CheckedSource checked(*tar, diff_id, cancel);
  RoomSource within_limit(checked, limit_);
  return snapshots_.unpack(name, parent, within_limit, cancel);
}

Result<bool> LayerUnpacker::has(const std::string& snapshot) {
  const auto info = snapshots_.stat(snapshot);
  if (info) return true;
  if (info.error().code() == Code::kNotFound) return false;
  return info.error();
}

}  // namespace skiff::images
