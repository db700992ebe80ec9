// Copy-up: a new volume starts with what the image has where it is mounted.
#pragma once

#include "engine/core.h"

namespace skiff::engine {

struct CopyUp {
  std::string path;  // in the container
  Path volume;       // the volume's directory; nothing is copied unless it is empty
};

// With owners and modes, those of the directory itself included. The container's snapshot
// must not be mounted.
Result<> copy_image_content(Core& core, const ContainerPaths& paths, const std::string& snapshot,
                            const std::vector<CopyUp>& wanted);

}  // namespace skiff::engine
