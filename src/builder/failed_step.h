// What a RUN that fails leaves, kept as an image that one can enter:
//
//   skiff run -it --rm failed-step:0123456789ab sh
//
// The newest few are kept; pruning the cache removes them.
#pragma once

#include <string>

#include "builder/steps.h"

namespace skiff::builder {

// The name of the image: the tree of `space`, which is committed, on the layers of `below`, the
// state that the step began with; the step's environment, user and working directory; its command.
Result<std::string> keep_failed_step(StepSite& site, const StepPlace& place,
                                     const std::string& below, Workspace& space,
                                     const CancelToken& cancel);

// Those that are kept, by their names, newest first.
Result<std::vector<CacheRecord>> list_failed_steps(Site& site);
// A container that was made of it keeps its layers.
Result<> remove_failed_step(Site& site, const std::string& name);

}  // namespace skiff::builder
