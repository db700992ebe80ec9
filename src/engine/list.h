// `docker ps`: which containers a list request selects.
#pragma once

#include "engine/core.h"

namespace skiff::engine {

// Newest first. Unknown filters and malformed values are kInvalidArgument.
Result<std::vector<ContainerInfo>> list_containers(Core& core, const ListOptions& options);

// Fills size_rw and size_root_fs.
void add_sizes(Core& core, const Record& record, ContainerInfo& info);

}  // namespace skiff::engine
