// POST /build?version=2: BuildKit's protocol for clients that have no gRPC of their own for it.
#pragma once

#include "api/router.h"

namespace skiff::api {

// The build, or the tar that another request's build is to read.
Result<> build_by_session(Call& call);
// POST /build/cancel?id=
Result<> cancel_build(Call& call);

}  // namespace skiff::api
