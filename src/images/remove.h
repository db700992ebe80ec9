// Docker's rmi: which names go, whether the image goes with them, and what keeps it
// (documented in the Engine API under "Remove an image").
#pragma once

#include <span>

#include "images/image_finder.h"

namespace skiff::images {

using InUse = std::function<ImageUser(const oci::Digest& id)>;

Result<std::vector<Removed>> remove_image(Parts& parts, ImageFinder& finder,
                                          const std::string& name, bool force, bool prune_parents,
                                          const InUse& in_use);

// See ImageStore::remove_unused().
Result<std::vector<Removed>> remove_unused(Parts& parts, std::span<const oci::Digest> targets,
                                           ImageStore::Named named, const InUse& in_use);

}  // namespace skiff::images
