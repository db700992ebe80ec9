#include "builder/export_shape.h"

#include <algorithm>

#include "base/strings.h"

namespace skiff::builder {

namespace {

void clamp(TimePoint& time, TimePoint newest) { time = std::min(time, newest); }

}  // namespace

Result<ShapedImages> ImageShaper::shape(const std::vector<PlatformImage>& images,
                                        const ExportOptions& options) {
  ShapedImages out;
  std::vector<oci::Descriptor> manifests;
  for (const PlatformImage& image : images) {
    manifests.push_back(TRY(shape_one(image, options, out.ids)));
  }
  std::vector<oci::Descriptor> attestations;
  for (size_t i = 0; attester_ != nullptr && i < manifests.size(); ++i) {
    attestations.push_back(TRY(attester_->attest(images[i], manifests[i], options)));
  }
  manifests.insert(manifests.end(), attestations.begin(), attestations.end());
  for (oci::Descriptor& manifest : manifests) {
    for (const Annotation& one : options.descriptor_annotations) {
      if (one.applies_to(*manifest.platform)) manifest.annotations[one.key] = one.value;
    }
  }
  out.target =
      manifests.size() == 1 ? manifests[0] : TRY(make_index(std::move(manifests), options));
  return out;
}

Result<oci::Descriptor> ImageShaper::make_index(std::vector<oci::Descriptor> manifests,
                                                const ExportOptions& options) {
  oci::Index index =
      oci::Index::make(options.in_dockers_words ? oci::kDockerManifestList : oci::kMediaTypeIndex,
                       std::move(manifests));
  if (!options.index_annotations.empty()) {
    json::Value document = TRY(json::parse(index.raw));
    document.set("annotations", options.index_annotations);
    index.raw = document.dump();
  }
  TRY(content::write_blob(site_.images.content(), index.raw, &lease_));
  oci::Descriptor out = index.descriptor();
  out.annotations = options.index_descriptor_annotations;
  return out;
}

Result<oci::Descriptor> ImageShaper::shape_one(const PlatformImage& image,
                                               const ExportOptions& options,
                                               std::vector<oci::Digest>& ids) {
  oci::ImageConfig config = image.config;
  std::vector<oci::Descriptor> layers = image.layers;
  // Statements about a manifest name its digest, which must not change when it is pushed.
  const bool packs = options.packs || attester_ != nullptr;
  for (size_t i = 0; i < layers.size(); ++i) {
    images::NewLayer layer{.descriptor = layers[i], .diff_id = config.diff_ids[i]};
    TRY_CONTEXT(shape_layer(image, i, packs, options, layer), cat("layer ", i + 1));
    layers[i] = std::move(layer.descriptor);
    config.diff_ids[i] = std::move(layer.diff_id);
  }
  if (options.epoch) {
    // The zero TimePoint would be written as "never".
    const TimePoint epoch = std::max(*options.epoch, TimePoint(std::chrono::nanoseconds(1)));
    config.created = epoch;
    for (oci::History& entry : config.history) clamp(entry.created, epoch);
  }
  if (auto told = encode_inline(facts_.steps, config.diff_ids, options.epoch)) {
    config.further.set(kInlineMember, *std::move(told));
  }
  images::ManifestForm form{.in_dockers_words = options.in_dockers_words, .annotations = {}};
  for (const Annotation& one : options.manifest_annotations) {
    if (one.applies_to(image.config.platform)) form.annotations[one.key] = one.value;
  }
  ids.push_back(oci::Digest::of(config.serialize()));
  return site_.images.write_image(config, layers, lease_, form);
}

Result<> ImageShaper::shape_layer(const PlatformImage& image, size_t i, bool packs,
                                  const ExportOptions& options, images::NewLayer& layer) {
  const bool is_own = i >= image.base_layers;
  const auto now = compression_of(layer.descriptor.media_type);
  if (!now || !TRY(is_here(layer.descriptor))) return {};
  const bool rewrites = is_own && options.rewrite_timestamps && options.epoch;
  const bool is_chosen = options.compression && (is_own || options.force_compression);
  if (!rewrites && (!is_chosen || options.compression == CompressForm{})) {
    // One that has left before is the same as then.
    const auto pack = packs || is_chosen ? images::Pack::kNow : images::Pack::kIfDone;
    layer.descriptor = TRY(site_.images.pack_layer(layer.descriptor, pack, lease_, cancel_));
    if (compression_of(layer.descriptor.media_type) == Compression::kGzip) return {};
    // Of the base, what some registry has plain stays so; but not where that would tell two
    // engines apart, of which only one has met that registry.
    const bool must_pack = packs && *now == Compression::kNone && (is_own || options.epoch);
    if (!is_chosen && !must_pack) return {};
  }
  CompressForm form{.compression = *now, .level = {}};
  if (packs && (rewrites || *now == Compression::kNone)) form = {};
  if (is_chosen) form = *options.compression;
  if (!rewrites && has_form(layer.descriptor.media_type, form)) return {};
  layer = TRY(site_.conversions.convert(
      {layer.descriptor, form, rewrites ? options.epoch : std::nullopt}, lease_, cancel_));
  return {};
}

// A layer that is fetched from elsewhere keeps its bytes, which are not here.
Result<bool> ImageShaper::is_here(const oci::Descriptor& blob) {
  const auto info = site_.images.content().info(blob.digest);
  if (!info && info.error().code() != Code::kNotFound) return info.error();
  return info.has_value();
}

}  // namespace skiff::builder
