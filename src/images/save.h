// `docker save`: images as one tar.
#pragma once

#include "images/image_finder.h"

namespace skiff::images {

Result<> save_images(Parts& parts, ImageFinder& finder, const std::vector<std::string>& names,
                     Sink& tar, const CancelToken& cancel);

}  // namespace skiff::images
