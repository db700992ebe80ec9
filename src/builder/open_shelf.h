// The shelf that a CachePlace means: a directory with an OCI layout, a repository of a registry, an
// image that is here, or the caller's own.
#pragma once

#include <memory>
#include <string>

#include "builder/builder.h"
#include "builder/cache_shelf.h"
#include "builder/workspace.h"

namespace skiff::builder {

Result<std::shared_ptr<CacheShelf>> open_shelf(Site& site, const BuildRequest& request,
                                               const CachePlace& place, const CancelToken& cancel);
// What errors call it.
std::string text_of(const CachePlace& place);

}  // namespace skiff::builder
