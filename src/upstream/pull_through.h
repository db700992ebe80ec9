// PullThrough: the cache of other registries behind a registry's router.
//
//   registry::RegistryOptions options{.upstreams = upstream::pull_through(upstream_options)};
#pragma once

#include "registry/upstreams.h"
#include "upstream/options.h"

namespace skiff::upstream {

registry::MakeUpstreams pull_through(Options options);

}  // namespace skiff::upstream
