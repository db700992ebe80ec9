// ROOT/registry-id: what tells a registry from any other, also after a restore. A backup's
// directory belongs to the registry of the first backup in it.
#pragma once

#include <string>

#include "base/file.h"

namespace skiff::registry {

inline constexpr const char* kIdName = "registry-id";

// Made where the root has none yet; never changed.
Result<std::string> registry_id(const Path& root);

}  // namespace skiff::registry
