#include "builder/failed_step.h"

#include <algorithm>

#include "base/random.h"
#include "base/strings.h"
#include "dockerfile/scope.h"

namespace skiff::builder {

namespace {

constexpr const char* kRepository = "failed-step";
constexpr size_t kMostKept = 3;

struct Below {
  std::vector<oci::Digest> diff_ids;
  std::vector<oci::Descriptor> blobs;
};

// The layers of a state, lowest first: those that the build's steps made, and the base image's.
Result<Below> layers_below(StepSite& site, std::string snapshot) {
  Below out;
  while (!snapshot.empty()) {
    const auto layer = site.layers.find(snapshot);
    if (!layer) break;
    out.diff_ids.insert(out.diff_ids.begin(), layer->diff_id);
    out.blobs.insert(out.blobs.begin(), layer->blob);
    snapshot = TRY(site.site.images.snapshots().stat(snapshot)).parent;
  }
  if (snapshot.empty()) return out;
  const images::Image* base = site.bases.with_files(snapshot);
  if (base == nullptr) return Error(Code::kNotFound, cat("nothing is known of layer ", snapshot));
  const auto& ids = base->config.diff_ids;
  const auto& blobs = base->manifest_doc.layers;
  out.diff_ids.insert(out.diff_ids.begin(), ids.begin(), ids.end());
  out.blobs.insert(out.blobs.begin(), blobs.begin(), blobs.end());
  return out;
}

oci::RunConfig config_of(const PlannedStep& step) {
  const auto& run = std::get<PlannedRun>(step.what);
  oci::RunConfig out = step.config;
  out.env = run.env;
  for (const auto& [name, value] : run.build_args) set_env(out.env, name, value);
  out.entrypoint.reset();
  out.cmd = run.args;
  out.healthcheck.reset();
  return out;
}

}  // namespace

Result<std::string> keep_failed_step(StepSite& site, const StepPlace& place,
                                     const std::string& below, Workspace& space,
                                     const CancelToken& cancel) {
  constexpr size_t kDigits = 12;
  Below layers = TRY(layers_below(site, below));
  const Layer layer = TRY(space.commit(site.lease, cancel));
  layers.diff_ids.push_back(layer.diff_id);
  layers.blobs.push_back(layer.blob);
  oci::ImageConfig config;
  config.created = site.site.clock.now();
  config.platform = place.stage->platform;
  config.config = config_of(*place.step);
  config.diff_ids = std::move(layers.diff_ids);
  const auto manifest = TRY(site.site.images.write_image(config, layers.blobs, site.lease));
  const std::string name = cat(kRepository, ":", random_hex(kDigits));
  TRY(site.site.images.put(manifest, TRY(oci::Reference::parse(name))));
  const auto kept = TRY(list_failed_steps(site.site));
  for (size_t i = kMostKept; i < kept.size(); ++i) TRY(remove_failed_step(site.site, kept[i].id));
  return name;
}

Result<std::vector<CacheRecord>> list_failed_steps(Site& site) {
  std::vector<CacheRecord> out;
  for (const images::Image& image : TRY(site.images.list())) {
    for (const oci::Reference& name : image.names) {
      if (name.familiar_repository() != kRepository) continue;
      const auto usage = site.images.snapshots().usage(image.snapshot_name());
      out.push_back({.id = name.familiar(),
                     .description = cat("failed step ", name.familiar()),
                     .size = usage ? usage->bytes : 0,  // of the layer that the step left
                     .created = image.tagged,
                     .last_used = image.tagged,
                     .kind = CacheRecord::Kind::kFailedStep});
    }
  }
  std::ranges::stable_sort(out, std::greater(), &CacheRecord::created);
  return out;
}

Result<> remove_failed_step(Site& site, const std::string& name) {
  TRY(site.images.remove(name, true, true, [](const oci::Digest&) { return images::ImageUser(); }));
  return {};
}

}  // namespace skiff::builder
