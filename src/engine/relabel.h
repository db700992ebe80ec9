// What a container is given of the host's files gets its SELinux label.
#pragma once

#include <string>

#include "engine/core.h"

namespace skiff::engine {

// The word of a mount's mode that asks for it: 'z' for files that containers share, 'Z' for one
// container's; "" for none.
std::string relabel_word(const std::string& mode);

// Gives `path` and all below it `label`, or what all containers may use where it is `shared`.
// Refuses the system's directories, in Docker's words; a file system without labels is left as it
// is.
Result<> relabel(const Path& path, const std::string& label, bool shared);

// The sources of its mounts that ask for it, and the files that every container has of its own.
Result<> relabel_sources(const Core& core, const Container& container);

}  // namespace skiff::engine
