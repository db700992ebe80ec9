// Images of an OCI layout (image-spec, image-layout.md) that a build takes from a directory.
#pragma once

#include <optional>

#include "builder/builder.h"

namespace skiff::builder {

// The image of that platform, or of the host's: its blobs are in the store, held by the lease,
// without a name. Links in the layout lead to nothing outside of it.
Result<images::Image> import_layout(images::ImageStore& images, const LayoutContext& layout,
                                    const std::optional<oci::Platform>& platform,
                                    images::ImageLease& lease, const CancelToken& cancel);

}  // namespace skiff::builder
