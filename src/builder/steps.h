// The steps of a Dockerfile as the solver evaluates them: planned steps bound to the places
// they work in.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "builder/base_images.h"
#include "builder/named_sources.h"
#include "builder/source_tree.h"
#include "builder/step_events.h"
#include "builder/vocabulary.h"
#include "builder/workspace.h"
#include "dockerfile/plan.h"
#include "solver/solver.h"

namespace skiff::builder {

// The layers that the steps of one platform have made or found, by their snapshots. Thread-safe.
class KnownLayers {
 public:
  void add(const Layer& layer) {
    const std::scoped_lock lock(mutex_);
    layers_.insert_or_assign(layer.snapshot, layer);
  }
  std::optional<Layer> find(const std::string& snapshot) const {
    const std::scoped_lock lock(mutex_);
    const auto found = layers_.find(snapshot);
    return found == layers_.end() ? std::nullopt : std::optional(found->second);
  }

 private:
  mutable std::mutex mutex_;
  std::map<std::string, Layer> layers_;
};

// What the steps of one platform share. Outlives them.
struct StepSite {
  Site& site;
  const BuildRequest& request;
  const SourceText& source;
  SourceTree& context;
  NamedSources& named;
  const Plan& plan;
  BaseImages& bases;
  StepEvents& events;
  images::ImageLease& lease;
  std::string platform;  // of the build, "linux/amd64"
  std::string project;   // builds of the same name are compared with one another
  const std::optional<TakenSource>& taken;
  KnownLayers& layers;
};

// Where a step stands in its plan.
struct StepPlace {
  const PlannedStage* stage = nullptr;
  const PlannedStep* step = nullptr;
  std::string below;           // what an explanation calls the step's first input
  bool first = true;           // of what is done for the step: it begins that
  bool last = true;            // it ends that
  bool last_of_number = true;  // no trigger comes after the step
};

StepId id_of(const StepSite& site, const PlannedStep& step);

std::unique_ptr<Step> make_step(StepSite& site, const StepPlace& place);
// Of COPY --link, whose own step stands on nothing: lays its layer upon the first input.
std::unique_ptr<Step> make_stack_step(StepSite& site, const StepPlace& place);
// The files of an image that only a COPY --from or a mount names.
std::unique_ptr<Step> make_image_step(StepSite& site, const BaseImage& image);
// No files at all.
std::unique_ptr<Step> make_empty_step();

}  // namespace skiff::builder
