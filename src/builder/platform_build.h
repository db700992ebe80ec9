// PlatformBuild: the build of one platform's image: plan, graph, solve, config and manifest.
#pragma once

#include "builder/named_sources.h"
#include "builder/source_tree.h"
#include "builder/step_events.h"
#include "builder/vocabulary.h"
#include "builder/workspace.h"
#include "dockerfile/checks.h"
#include "dockerfile/instructions.h"

namespace skiff::builder {

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
};

struct PlatformImage {
  oci::Digest id = oci::Digest::of("");
  oci::Descriptor manifest;
  std::vector<std::string> unused_args;
};

Result<PlatformImage> build_platform(BuildSite& build, const oci::Platform& platform,
                                     const CancelToken& cancel);

}  // namespace skiff::builder
