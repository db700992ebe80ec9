// Docker's rmi: which names go, whether the image goes with them, and what keeps it
// (documented in the Engine API under "Remove an image").
#pragma once

#include "images/image_finder.h"

namespace skiff::images {

using InUse = std::function<ImageUser(const oci::Digest& id)>;

Result<std::vector<Removed>> remove_image(Parts& parts, ImageFinder& finder,
                                          const std::string& name, bool force, bool prune_parents,
                                          const InUse& in_use);

// A target by itself, where nothing names it and nothing uses what only it has; else nothing goes.
Result<std::vector<Removed>> remove_unnamed(Parts& parts, const oci::Digest& target,
                                            const InUse& in_use);

}  // namespace skiff::images
