// The caches that a build imports and exports (cache_image.h), one after the other, and what is
// told of them.
#pragma once

#include <vector>

#include "builder/platform_build.h"
#include "solver/portable_records.h"

namespace skiff::builder {

// One that cannot be read or is not there is a warning.
void import_caches(Site& site, const BuildRequest& request, SharedSink& events,
                   images::ImageLease& lease, ImportedRecords& imported, const CancelToken& cancel);
// One that cannot be written is one where that is asked for, else an error.
Result<> export_caches(Site& site, const BuildRequest& request,
                       const std::vector<PlatformImage>& built, const CacheHold& hold,
                       SharedSink& events, const CancelToken& cancel);

}  // namespace skiff::builder
