// `docker save`: images as one tar.
#pragma once

#include "images/image_finder.h"

namespace skiff::images {

Result<> save_images(Parts& parts, ImageFinder& finder, const std::vector<std::string>& names,
                     std::span<const oci::Platform> platforms, Sink& tar,
                     const CancelToken& cancel);

// See ImageStore::archive.
Result<> archive_target(Parts& parts, ImageFinder& finder, const oci::Descriptor& target,
                        std::span<const oci::Reference> names, ArchiveForm form, Sink& tar,
                        const CancelToken& cancel);

}  // namespace skiff::images
