// Cache images: records of the build cache with their layers, as an OCI image that other engines
// import (docs/formats/cache-image.md): in a directory with an OCI layout, or in a registry.
// Images that tell of their own steps can be imported, too.
//
//   TRY(export_cache(site, request, place, own, told, cancel));   // united with what is there
//   TRY(import_cache(site, request, place, lease, imported, cancel));
#pragma once

#include "builder/builder.h"
#include "builder/vocabulary.h"
#include "builder/workspace.h"
#include "solver/portable_records.h"

namespace skiff::builder {

// Whether images are to tell of their own steps; an argument of the build says so, too, as of old.
bool wants_inline_cache(const BuildRequest& request);

// What a build has to give away.
struct OwnCache {
  std::vector<NewRecord> records;
  std::set<std::string> mounts;  // ids of RUN --mount=type=cache
  std::set<oci::Digest> layers;  // blobs of the images
};
// `told`: each part of it that is done.
Result<> export_cache(Site& site, const BuildRequest& request, const CachePlace& place,
                      const OwnCache& own, const std::function<void(std::string)>& told,
                      const CancelToken& cancel);

// False where there is nothing yet; of an image it is what the image tells of its own steps.
// `lease` holds what is fetched.
Result<bool> import_cache(Site& site, const BuildRequest& request, const CachePlace& place,
                          images::ImageLease& lease, ImportedRecords& imported,
                          const CancelToken& cancel);

}  // namespace skiff::builder
