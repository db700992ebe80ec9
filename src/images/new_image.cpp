#include "images/new_image.h"

#include <array>

#include "base/strings.h"
#include "codec/compress.h"
#include "codec/hash.h"

namespace skiff::images {

namespace {

constexpr std::string_view kDockerLayerPlain = "application/vnd.docker.image.rootfs.diff.tar";
constexpr std::string_view kDockerLayerZstd = "application/vnd.docker.image.rootfs.diff.tar.zstd";

// An OCI manifest names its layers in OCI's words, also those of an image of Docker's that it
// was built on: the bytes are the same.
std::string oci_layer_type(const std::string& media_type) {
  static constexpr std::array<std::pair<std::string_view, std::string_view>, 3> kWords = {
      {{oci::kDockerLayerGzip, oci::kMediaTypeLayerGzip},
       {kDockerLayerPlain, oci::kMediaTypeLayer},
       {kDockerLayerZstd, oci::kMediaTypeLayerZstd}}};
  for (const auto& [dockers, ocis] : kWords) {
    if (media_type == dockers) return std::string(ocis);
  }
  return media_type;
}

}  // namespace

Result<NewLayer> add_layer(Parts& parts, Source& tar, content::Lease& lease) {
  Hasher hasher;
  HashingSource hashed(tar, hasher);
  const auto write = [&](Sink& to) -> Result<> {
    const auto gzip = make_gzip_sink(to);
    TRY(copy(hashed, *gzip));
    return gzip->finish();
  };
  const content::BlobInfo blob = TRY(store_written(parts, write, std::nullopt, lease));
  NewLayer layer;
  layer.descriptor.media_type = oci::kMediaTypeLayerGzip;
  layer.descriptor.digest = blob.digest;
  layer.descriptor.size = blob.size;
  layer.diff_id = oci::Digest::from_hex(HashAlgorithm::kSha256, hasher.hex());
  return layer;
}

Result<oci::Descriptor> write_manifest(Parts& parts, std::string_view config_bytes,
                                       const oci::ImageConfig& config,
                                       std::vector<oci::Descriptor> layers, content::Lease& lease) {
  oci::Descriptor described;
  described.media_type = oci::kMediaTypeConfig;
  described.digest = oci::Digest::of(config_bytes);
  described.size = config_bytes.size();
  for (oci::Descriptor& layer : layers) layer.media_type = oci_layer_type(layer.media_type);
  const oci::Manifest manifest =
      oci::Manifest::make(oci::kMediaTypeManifest, described, std::move(layers));
  TRY(check_layer_count(manifest, config));
  for (const oci::Descriptor& layer : manifest.layers) {
    TRY(lease.hold(layer.digest));
    if (TRY(parts.reader.has(layer.digest))) continue;
    return Error(Code::kNotFound, cat("layer ", layer.digest.str(), " is not here"));
  }
  TRY(store_bytes(parts, config_bytes, described.digest, lease, CancelToken()));
  oci::Descriptor out = manifest.descriptor();
  TRY(store_bytes(parts, manifest.raw, out.digest, lease, CancelToken()));
  out.platform = config.platform.normalized();
  parts.reader.changed();
  return out;
}

}  // namespace skiff::images
