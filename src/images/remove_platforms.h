// Takes single platforms out of an image: its index stays as it is, as after a pull of the others
// alone, and a pull brings them back (documented in the Engine API under "Remove an image",
// `platforms`).
#pragma once

#include <span>

#include "images/remove.h"

namespace skiff::images {

// See ImageStore::remove_platforms().
Result<std::vector<Removed>> remove_platforms(Parts& parts, ImageFinder& finder,
                                              const std::string& name,
                                              std::span<const oci::Platform> platforms, bool force,
                                              const InUse& in_use);

}  // namespace skiff::images
