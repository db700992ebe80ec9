// A pull: from a name to an unpacked image, its layers downloaded three at a time and
// unpacked one on the other while the next ones still travel.
#pragma once

#include "images/parts.h"

namespace skiff::images {

struct Pulled {
  oci::Descriptor target;
  DocumentPtr image;  // of the platform that was asked for
};

Result<Pulled> pull_image(Parts& parts, const oci::Reference& name, const PullOptions& options,
                          const ProgressSink& progress, const CancelToken& cancel);

}  // namespace skiff::images
