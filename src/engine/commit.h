// `docker commit`: a container's changes as a further layer on its image.
#pragma once

#include "engine/core.h"

namespace skiff::engine {

// Returns the new image's id.
Result<std::string> commit_container(Core& core, Container& container, const CommitOptions& options,
                                     const CancelToken& cancel);

}  // namespace skiff::engine
