// What can be said of a build from its Dockerfile and the images that are here.
#pragma once

#include "builder/builder.h"
#include "builder/vocabulary.h"
#include "dockerfile/instructions.h"
#include "dockerfile/plan.h"

namespace skiff::builder {

// Those of the request, each once; the host's where there are none.
std::vector<oci::Platform> platforms_of(const BuildRequest& request);
PlanRequest plan_request(const BuildRequest& request, const oci::Platform& platform);

struct OfflinePlan {
  Plan plan;
  bool all_known = true;  // else configs of base images are made up
};
Result<OfflinePlan> plan_offline(images::ImageStore& images, const Dockerfile& file,
                                 const PlanRequest& wanted);

// Builder::context_paths().
Result<std::optional<std::vector<std::string>>> context_paths(images::ImageStore& images,
                                                              const BuildRequest& request);

}  // namespace skiff::builder
