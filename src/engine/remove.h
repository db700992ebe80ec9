// Removing a container with everything that is its own.
#pragma once

#include "engine/core.h"

namespace skiff::engine {

Result<> remove_container(Core& core, const std::shared_ptr<Container>& container,
                          const RemoveOptions& options);

}  // namespace skiff::engine
