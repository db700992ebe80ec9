// The host's side of a bind mount, before the container that has it starts.
#pragma once

#include <optional>
#include <string>

#include "base/file.h"
#include "sys/id_map.h"

namespace skiff::engine {

// What is not there becomes a directory; it and those above it that this makes belong to the
// container's root.
Result<> make_bind_source(const Path& source, const std::optional<sys::IdMaps>& maps);

// Mounts come and go with the host's only where the host's own mount hands them on, which "shared"
// and "slave" ask for: kInvalidArgument where it does not.
Result<> check_propagation(const Path& source, const std::string& propagation);

}  // namespace skiff::engine
