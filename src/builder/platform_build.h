// PlatformBuild: the build of one platform's image: plan, graph, solve, config and manifest.
#pragma once

#include <mutex>
#include <set>
#include <string>

#include "builder/named_sources.h"
#include "builder/source_tree.h"
#include "builder/step_events.h"
#include "builder/vocabulary.h"
#include "builder/workspace.h"
#include "dockerfile/checks.h"
#include "dockerfile/instructions.h"
#include "solver/portable_records.h"

namespace skiff::builder {

// What all platforms of a build would say alike. Thread-safe.
class ToldOnce {
 public:
  // Whether that has not been told yet; from then on it has.
  bool first(const std::string& what) {
    const std::scoped_lock lock(mutex_);
    return told_.insert(what).second;
  }

 private:
  std::mutex mutex_;
  std::set<std::string> told_;
};

// What the platforms of one build share.
struct BuildSite {
  Site& site;
  Solver& solver;
  const BuildRequest& request;
  const Dockerfile& file;
  SourceTree& context;
  NamedSources& named;
  SharedSink& events;
  Checks& checks;
  images::ImageLease& lease;
  CacheHold& hold;
  const ImportedRecords& imported;
  const std::optional<TakenSource>& taken;
  ToldOnce emulated = {};  // platforms that have been warned of
};

// An image that something was taken from.
struct Material {
  std::string name;  // as the Dockerfile has it
  oci::Platform platform;
  oci::Digest digest = oci::Digest::of("");  // of its manifest or index
};

// What an image is to be made of; the first `base_layers` are its base image's.
struct PlatformImage {
  oci::ImageConfig config;
  std::vector<oci::Descriptor> layers;
  size_t base_layers = 0;
  std::vector<Material> materials;
  std::vector<std::string> unused_args;
  std::set<std::string> cache_mounts;  // ids of RUN --mount=type=cache
};

Result<PlatformImage> build_platform(BuildSite& build, const oci::Platform& platform,
                                     const CancelToken& cancel);

}  // namespace skiff::builder
