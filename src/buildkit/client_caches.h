// The caches of Control.Solve (`--cache-to`, `--cache-from`) as places of the builder's.
#pragma once

#include "builder/builder.h"
#include "buildkit/builds.h"

namespace skiff::buildkit {

// kUnimplemented for a kind of cache that is not served: one that the client took for written and
// that is not there would be found out late.
Result<> add_caches(const BuildOrder& order, builder::BuildRequest& request);

}  // namespace skiff::buildkit
