// A push: the blobs of an image to a registry, five at a time, then its manifests, the one
// that gets the name last: whoever sees the tag can pull all of it.
#pragma once

#include "images/parts.h"

namespace skiff::images {

Result<PushResult> push_image(Parts& parts, const oci::Reference& name, const PushOptions& options,
                              const ProgressSink& progress, const CancelToken& cancel);

}  // namespace skiff::images
