#include "engine/image_import.h"

#include <algorithm>
#include <map>

#include "base/strings.h"
#include "codec/compress.h"
#include "engine/files.h"

namespace skiff::engine {

Result<oci::Digest> import_image(images::ImageStore& images, Source& tar,
                                 const ImportOptions& options, const CancelToken& cancel,
                                 const Clock& clock) {
  const auto lease = TRY(images.lease());
  auto plain = TRY(open_decompressed(tar));
  images::NewLayer layer = TRY_CONTEXT(images.add_layer(*plain, *lease), "import");
  oci::ImageConfig config;
  config.created = clock.now();
  config.platform = options.platform.value_or(oci::Platform::host());
  TRY(apply_changes(config.config, options.changes));
  config.diff_ids = {layer.diff_id};
  oci::History step;
  step.created = config.created;
  step.comment = options.message.empty() ? "Imported from -" : options.message;
  config.history = {std::move(step)};
  const auto manifest = TRY(images.write_image(config, {layer.descriptor}, *lease));
  const std::vector<images::Image> made = TRY(images.platforms_of(manifest));
  if (made.empty()) return Error(Code::kInternal, "import: what was written cannot be read");
  // A tar that cannot be unpacked is no image: it goes with the lease.
  TRY(lease->hold_image(made.front()));
  TRY(images.unpack(made.front(), {}, cancel));
  TRY(images.put(manifest, options.name));
  return made.front().id;
}

Result<ImagePruneResult> prune_images(
    images::ImageStore& images, const Filters& filters,
    const std::function<images::ImageUser(const oci::Digest& id)>& user_of, TimePoint now) {
  TRY(check_filters(filters, {"dangling", "until", "label", "label!"}));
  bool only_dangling = TRY(filter_flag(filters, "dangling", true));
  std::optional<TimePoint> until;
  for (const auto& text : filter_values(filters, "until")) {
    until = TRY(parse_time_argument(text, now));
  }
  std::vector<oci::Digest> targets;
  std::map<std::string, uint64_t> sizes;  // by id
  for (const auto& image : TRY(images.list())) {
    if (only_dangling && !image.names.empty()) continue;
    if (until && image.config.created > *until) continue;
    if (!labels_match(filters, image.config.config.labels)) continue;
    if (!user_of(image.id).container.empty()) continue;
    targets.push_back(image.target.digest);
    sizes[image.id.str()] = image.size;
  }
  // By its id another target, which has a name or was given one meanwhile, would go too.
  const auto named =
      only_dangling ? images::ImageStore::Named::kNot : images::ImageStore::Named::kToo;
  ImagePruneResult result;
  result.removed = TRY_CONTEXT(images.remove_unused(targets, named, user_of), "prune images");
  for (const images::Removed& gone : result.removed) {
    if (gone.kind == images::RemovedKind::kDeleted) result.bytes += sizes[gone.what];
  }
  result.bytes = std::max(result.bytes, TRY(images.collect_garbage()));
  return result;
}

}  // namespace skiff::engine
