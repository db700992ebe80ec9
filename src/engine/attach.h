// Attaching to a container's standard streams, running or yet to be started.
#pragma once

#include "engine/core.h"

namespace skiff::engine {

// Registered on return, as Streams::attach() says.
Result<std::unique_ptr<StreamSession>> attach_container(Core& core,
                                                        const std::shared_ptr<Container>& container,
                                                        const AttachOptions& options);

}  // namespace skiff::engine
