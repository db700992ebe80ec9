#include "images/new_image.h"

#include <array>
#include <filesystem>

#include "base/log.h"
#include "base/strings.h"
#include "codec/compress.h"
#include "codec/hash.h"

namespace skiff::images {

namespace {

constexpr std::string_view kDockerLayerZstd = "application/vnd.docker.image.rootfs.diff.tar.zstd";

// A manifest names its layers in the words of its own kind, also those of an image of the other
// kind that it was built on: the bytes are the same.
std::string layer_type(const std::string& media_type, bool in_dockers_words) {
  static constexpr std::array<std::pair<std::string_view, std::string_view>, 3> kWords = {
      {{oci::kDockerLayerGzip, oci::kMediaTypeLayerGzip},
       {oci::kDockerLayerPlain, oci::kMediaTypeLayer},
       {kDockerLayerZstd, oci::kMediaTypeLayerZstd}}};
  for (const auto& [dockers, ocis] : kWords) {
    if (media_type == dockers || media_type == ocis) {
      return std::string(in_dockers_words ? dockers : ocis);
    }
  }
  return media_type;
}

std::string_view layer_type_of(Compression compression) {
  switch (compression) {
    case Compression::kNone:
      return oci::kMediaTypeLayer;
    case Compression::kZstd:
      return oci::kMediaTypeLayerZstd;
    default:
      return oci::kMediaTypeLayerGzip;
  }
}

}  // namespace

Result<NewLayer> add_layer(Parts& parts, Source& tar, content::Lease& lease,
                           const CompressForm& form) {
  Hasher hasher;
  HashingSource hashed(tar, hasher);
  const bool is_plain = form.compression == Compression::kNone;
  const auto write = [&](Sink& to) -> Result<> {
    if (is_plain) {
      TRY(copy(tar, to));
      return {};
    }
    const auto packed = make_compressing_sink(to, form);
    TRY(copy(hashed, *packed));
    return packed->finish();
  };
  const content::BlobInfo blob = TRY(store_written(parts, write, std::nullopt, lease));
  NewLayer layer;
  layer.descriptor.media_type = layer_type_of(form.compression);
  layer.descriptor.digest = blob.digest;
  layer.descriptor.size = blob.size;
  layer.diff_id =
      is_plain ? blob.digest : oci::Digest::from_hex(HashAlgorithm::kSha256, hasher.hex());
  return layer;
}

Result<NewLayer> add_layer(Parts& parts, snapshot::LayerToStore& tar, content::Lease& lease) {
  Source& bytes = tar;
  const auto* kept = tar.kept();
  if (kept == nullptr) return add_layer(parts, bytes, lease);
  // It counts as a file of its own, which it is once the other name is gone.
  StorageLimit::Room room = parts.limit.room();
  std::error_code ec;
  const uint64_t size = std::filesystem::file_size(kept->file, ec);
  if (parts.limit.bytes() > 0 && !ec) TRY(make_room(parts.limit, room, size));
  const auto blob = parts.store.link_file(kept->file, kept->digest, &lease);
  if (!blob) {
    log_info(cat("layer is copied: ", blob.error().message()));
    return add_layer(parts, bytes, lease);
  }
  NewLayer layer{.descriptor = {}, .diff_id = blob->digest};
  layer.descriptor.media_type = oci::kMediaTypeLayer;
  layer.descriptor.digest = blob->digest;
  layer.descriptor.size = blob->size;
  return layer;
}

Result<oci::Descriptor> write_manifest(Parts& parts, std::string_view config_bytes,
                                       const oci::ImageConfig& config,
                                       std::vector<oci::Descriptor> layers, content::Lease& lease,
                                       const ManifestForm& form) {
  oci::Descriptor described;
  described.media_type = form.in_dockers_words ? oci::kDockerConfig : oci::kMediaTypeConfig;
  described.digest = oci::Digest::of(config_bytes);
  described.size = config_bytes.size();
  for (oci::Descriptor& layer : layers) {
    layer.media_type = layer_type(layer.media_type, form.in_dockers_words);
  }
  const oci::Manifest manifest =
      oci::Manifest::make(form.in_dockers_words ? oci::kDockerManifest : oci::kMediaTypeManifest,
                          described, std::move(layers), form.annotations);
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
