// Images out of a plain root file system: `docker import`; and `docker image prune`.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "engine/filters.h"
#include "images/image_store.h"

namespace skiff::engine {

struct ImportOptions {
  std::optional<oci::Reference> name;
  std::string message;
  std::vector<std::string> changes;  // Dockerfile instructions
  std::optional<oci::Platform> platform;
};

// The tar (plain or compressed) becomes the only layer; returns the image's id.
Result<oci::Digest> import_image(images::ImageStore& images, Source& tar,
                                 const ImportOptions& options, const CancelToken& cancel,
                                 const Clock& clock = Clock::system());

struct ImagePruneResult {
  std::vector<images::Removed> removed;
  uint64_t bytes = 0;
};

// Removes images that no container uses (`user_of` tells it): with the filter dangling=false
// all of them, otherwise those without a name. Filters: dangling, until, label.
Result<ImagePruneResult> prune_images(
    images::ImageStore& images, const Filters& filters,
    const std::function<images::ImageUser(const oci::Digest& id)>& user_of, TimePoint now);

}  // namespace skiff::engine
