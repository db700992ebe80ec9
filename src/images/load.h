// `docker load`: images out of one tar, of either form that archive_format.h describes.
#pragma once

#include "images/parts.h"

namespace skiff::images {

// Returns the names, or the ids of images without one. All of the archive is loaded, or nothing.
Result<std::vector<std::string>> load_images(Parts& parts, Source& tar,
                                             std::span<const oci::Platform> platforms,
                                             const ProgressSink& progress,
                                             const CancelToken& cancel);

}  // namespace skiff::images
