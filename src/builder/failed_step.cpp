#include "builder/failed_step.h"

#include <algorithm>

#include "base/random.h"
#include "base/strings.h"
#include "dockerfile/scope.h"

namespace skiff::builder {

namespace {

constexpr const char* kRepository = "failed-step";
constexpr size_t kMost = 3;

struct Kept {
  std::string name;
  TimePoint when;
  uint64_t bytes = 0;  // of the layer that the step left
};

// Newest first.
Result<std::vector<Kept>> list_kept(Site& site) {
  std::vector<Kept> out;
  for (const images::Image& image : TRY(site.images.list())) {
    for (const oci::Reference& name : image.names) {
      if (name.familiar_repository() != kRepository) continue;
      const auto usage = site.images.snapshots().usage(image.snapshot_name());
      out.push_back({name.familiar(), image.tagged, usage ? usage->bytes : 0});
    }
  }
  std::ranges::stable_sort(out, std::greater(), &Kept::when);
  return out;
}

// A container that was made of it keeps its layers.
Result<> remove(Site& site, const std::string& name) {
  TRY(site.images.remove(name, true, true, [](const oci::Digest&) { return images::ImageUser(); }));
  return {};
}

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
  const auto kept = TRY(list_kept(site.site));
  for (size_t i = kMost; i < kept.size(); ++i) TRY(remove(site.site, kept[i].name));
  return name;
}

Result<> prune_failed_steps(Site& site, const PruneOptions& options, PruneResult& result) {
  for (const Kept& one : TRY(list_kept(site))) {
    if (options.until && site.clock.now() - one.when < *options.until) continue;
    TRY(remove(site, one.name));
    result.removed.push_back(one.name);
    result.freed_bytes += one.bytes;
  }
  return {};
}

}  // namespace skiff::builder
